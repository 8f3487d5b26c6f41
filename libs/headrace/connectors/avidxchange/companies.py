"""Which accounting system of AvidSuite stands for which legal entity."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.core.errors import RejectRecord, RetryLater, StopConnection

OPERATION = "accounting_systems.list"


class Companies:
    """Accounting systems by legal entity: from the configuration, or looked up by name once."""

    def __init__(self, config: AvidxchangeConfig, client: AvidxchangeClient) -> None:
        self._config = config
        self._client = client
        self._lookup = asyncio.Lock()
        self._known: dict[str, int] = {
            company: each.accounting_system_id
            for company, each in config.entities.items()
            if each.accounting_system_id is not None
        }

    async def listed(self) -> Mapping[int, str]:
        """Return names of the accounting systems that the credential sees, by id."""
        rules = self._config.rules
        found: dict[int, str] = {}
        for row in await self._client.all(rules.path("accounting_systems"), OPERATION, {}):
            try:
                number = values.whole(rules.value("accounting_system", "Id", row))
            except ValueError as error:
                raise RetryLater(f"{OPERATION}: {error}") from None
            if number is not None:
                found[number] = values.text(rules.value("accounting_system", "Name", row)) or ""
        return found

    async def all(self) -> Mapping[str, int]:
        """Return the ids of all configured accounting systems by legal entity, in the order of the configuration.

        Raises:
            StopConnection: a name is not among those that there are. RetryLater: they cannot be read.
        """
        entities = self._config.entities
        async with self._lookup:
            if len(self._known) < len(entities):
                listed = await self.listed()
                for company, entity in entities.items():
                    if company not in self._known:
                        self._known[company] = _named(company, entity.accounting_system, listed)
        return {company: self._known[company] for company in entities}

    async def id_of(self, company: str) -> int:
        """Return the accounting system of a configured legal entity; errors as in `all`."""
        return (await self.all())[company]

    def configured(self, company: object) -> str:
        """Return a legal entity as the configuration spells it.

        Raises:
            RejectRecord: it is empty, or not configured.
        """
        found = str(company or "").strip().lower()
        if not found:
            raise RejectRecord("no legal entity", "LegalEntity is empty: no accounting system to write to.")
        if found not in self._config.entities:
            raise RejectRecord(
                "unknown legal entity",
                f"company {found!r} is not among entities ({', '.join(self._config.entities)}) of the connection.",
            )
        return found


def _named(company: str, name: str, listed: Mapping[int, str]) -> int:
    found = [number for number, each in listed.items() if each.strip().casefold() == name.strip().casefold()]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{each!r} ({number})" for number, each in listed.items()) or "none"
    what = "several are" if found else "none is"
    raise StopConnection(
        f"{what} named {name!r} among the accounting systems, which entities.{company} names",
        f"There are: {there}. Correct the name, or give accounting_system_id.",
    )
