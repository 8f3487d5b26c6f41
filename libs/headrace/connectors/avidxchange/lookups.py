"""Looking records up by their keys, many in one call. The API has no other index than these keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row
from headrace.connectors.avidxchange.objects import CODES, LEGAL_ENTITY, VENDORS, Object
from headrace.connectors.avidxchange.reading import Reader
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.platform.bundling import Bundler

Key = tuple[str, ...]
"""Values of an object's key without the company, in the order of `Object.key`."""
PATIENCE = 150.0
"""Seconds for a look-up, with its wait for a bundle: longer than a read with its repeats takes."""


class Lookups:
    """Look-ups of one connection, bundled by object and company."""

    def __init__(
        self, config: AvidxchangeConfig, client: AvidxchangeClient, companies: Companies, reader: Reader
    ) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._companies = companies
        self._reader = reader
        self._bundlers: dict[tuple[str, str], Bundler[Key, Sequence[Row]]] = {}

    async def rows(self, obj: Object, company: str, key: Mapping[str, str]) -> Sequence[Row]:
        """Return the rows with a key; case and spaces at the ends do not count, as for the system's own upsert.

        Raises:
            RejectRecord: the key cannot be asked for. RetryLater, StopConnection: as reads do.
        """
        wanted = key_of(obj, key)
        bundler = self._bundlers.get((obj.name, company))
        if bundler is None:

            async def send(keys: Sequence[Key]) -> Sequence[Sequence[Row] | Exception]:
                return await self.among(obj, company, keys)

            size = min(self._config.bundle_size, self._rules.filters.largest_ids)
            bundler = Bundler(send, size, folded, f"{obj.name}.find")
            self._bundlers[obj.name, company] = bundler
        try:
            return await bundler.put(wanted, PATIENCE)
        except OutcomeUnknown as unknown:
            raise RetryLater(unknown.reason) from None

    async def among(self, obj: Object, company: str, keys: Sequence[Key]) -> list[Sequence[Row]]:
        """Return the rows of each key, in the order of the keys; errors as in `rows`."""
        system = str(await self._companies.id_of(company))
        filters, most = self._rules.filters, self._rules.filters.largest_ids
        found: dict[Key, list[Row]] = {folded(key): [] for key in keys}
        for start in range(0, len(keys), most):
            for query in self._queries(obj, keys[start : start + most]):
                params = {filters.accounting_system: system, **query}
                for row in await self._client.all(self._rules.path(obj.path), f"{obj.name}.find", params):
                    record, _ = self._reader.master(obj, row, company)
                    key = folded(tuple(str(record.data.get(name) or "") for name in obj.key[1:]))
                    if key in found:
                        found[key].append(row)
        return [found[folded(key)] for key in keys]

    async def close(self) -> None:
        """Give up what is under way."""
        for bundler in self._bundlers.values():
            await bundler.close()

    def _queries(self, obj: Object, keys: Sequence[Key]) -> Sequence[Mapping[str, str]]:
        """Return the filters that find keys: codes group by group, as two lists would be crossed."""
        filters = self._rules.filters
        if obj is not CODES:
            parameter = filters.vendor_ids if obj is VENDORS else filters.order_numbers
            return [{parameter: ",".join(key[0] for key in keys)}]
        groups: dict[str, list[str]] = {}
        for group, value in keys:
            groups.setdefault(group, []).append(value)
        return [{filters.code_groups: group, filters.code_values: ",".join(listed)} for group, listed in groups.items()]


def key_of(obj: Object, values: Mapping[str, object]) -> Key:
    """Return an object's key without the company.

    Raises:
        RejectRecord: a part is missing, or has a comma, which parts several keys in a look-up.
    """
    key = tuple(str(values.get(name) or "").strip() for name in obj.key if name != LEGAL_ENTITY)
    if not all(key):
        raise RejectRecord("no key to look up", f"{obj.name}: {dict(values)} lacks {' or '.join(obj.key[1:])}.")
    if any("," in part for part in key):
        raise RejectRecord(
            "cannot be looked up", f"{obj.name}: {', '.join(key)!r} has a comma, which parts keys in AvidXchange."
        )
    return key


def folded(key: Key) -> Key:
    """Return a key as it is compared."""
    return tuple(part.strip().casefold() for part in key)
