"""Custom fields: from the account's hash keys and option ids to names and labels, and back.

Keys differ in every account, so nobody writes one down: definitions are read, kept, and read again when a key turns
up that they lack. Source: https://pipedrive.readme.io/docs/core-api-concepts-custom-fields and the v2 Fields API.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.connectors.pipedrive.client import V2, PipedriveClient
from headrace.connectors.pipedrive.objects import KINDS
from headrace.core.errors import RejectRecord

FRESH_SECONDS = 600.0
"""Definitions are read again after this time: a renamed field or option shows by nothing else."""
PATIENCE_SECONDS = 60.0
"""An unknown key leads to one more read of the definitions, then not again for this long."""

_TEXT_LIMITS = {"varchar": 255, "varchar_auto": 255, "phone": 255, "text": 65_000}
SEARCHABLE = frozenset({"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"})
"""Types that a search finds."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One field: its hash code, the name that `Record.data` uses, its type, and its options' labels by id."""

    code: str
    name: str
    type: str
    custom: bool = True
    options: Mapping[Any, str] = field(default_factory=dict)

    def readable(self, value: Any) -> Any:
        """Return a REST v2 value with labels for option ids, Decimal for numbers and dates for dates."""
        if value is None:
            return None
        if self.type == "enum":
            return self._label(value)
        if self.type == "set":
            return [self._label(item) for item in value] if isinstance(value, list) else value
        if self.type == "double":
            return _decimal(value)
        if self.type == "date":
            return _date(value)
        if isinstance(value, Mapping):
            parts = dict(value)
            if self.type == "monetary":
                parts["value"] = _decimal(parts.get("value"))
            elif self.type == "daterange":
                parts = {name: _date(part) for name, part in parts.items()}
            return parts
        return value

    def writable(self, value: Any, what: str) -> Any:
        """Return a value in the form that v2 takes: labels become option ids, money {value, currency}.

        Raises:
            RejectRecord: the value does not fit the field; `what` names the record.
        """
        if value is None or (self.type == "set" and value == []):
            return None  # v2 refuses [] for a set
        if self.type == "enum":
            return self.option(value, what)
        if self.type == "set":
            return [self.option(item, what) for item in (value if isinstance(value, list | tuple) else [value])]
        if self.type == "monetary" and isinstance(value, Mapping):
            return {"value": value.get("amount", value.get("value")), "currency": value.get("currency")}
        if self.type in ("address", "daterange", "time", "timerange") and not isinstance(value, Mapping):
            return {"value": value}
        if self.type == "double" and isinstance(value, str):
            raise RejectRecord("value does not fit", f'{what}: "{self.name}" is a number; convert with `as: decimal`.')
        limit = _TEXT_LIMITS.get(self.type)
        if limit is None:
            return value
        text = value if isinstance(value, str) else str(value)
        if len(text) > limit:
            raise RejectRecord(
                "text too long", f'{what}: "{self.name}" takes {limit} characters and is given {len(text)}; shorten it.'
            )
        return text

    def _label(self, option: Any) -> str:
        return self.options.get(option, str(option))

    def option(self, value: Any, what: str) -> Any:
        """Return the id of the option with this label.

        Raises:
            RejectRecord: there is none; the text names those that there are.
        """
        for id_, label in self.options.items():
            if value in (label, id_):
                return id_
        known = ", ".join(list(self.options.values())[:10])
        raise RejectRecord(
            "unknown option",
            f'{what}: "{self.name}" has no option "{value}" (there are: {known or "none"}). '
            "Add it in Pipedrive, or map it to one of these.",
        )


class Definitions:
    """The fields of one object at one time."""

    def __init__(self, fields: Iterable[Mapping[str, Any]]) -> None:
        self.by_code: dict[str, Definition] = {}
        self.by_name: dict[str, Definition] = {}
        for item in fields:
            definition = _definition(item, self.by_name)
            self.by_code[definition.code] = definition
            if definition.custom:
                self.by_name[definition.name] = definition

    def lacks(self, values: Mapping[str, Any]) -> list[str]:
        """Return what the values show that the definitions do not know: codes, and "code=option"."""
        unknown: list[str] = []
        for code, value in values.items():
            definition = self.by_code.get(code)
            if definition is None:
                unknown.append(code)
            elif definition.type in ("enum", "set") and value is not None:
                options = value if isinstance(value, list) else [value]
                unknown += [f"{code}={option}" for option in options if option not in definition.options]
        return unknown

    def readable(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return custom values by display name; one without a definition stays under its code."""
        return {
            self.by_code[code].name if code in self.by_code else code: (
                self.by_code[code].readable(value) if code in self.by_code else value
            )
            for code, value in values.items()
        }

    def labels(self, code: str, ids: Any) -> list[str]:
        """Return the labels of a system field's options."""
        definition = self.by_code.get(code)
        if not isinstance(ids, list):
            return []
        return [definition.options.get(id_, str(id_)) if definition else str(id_) for id_ in ids]


class FieldBook:
    """Definitions of all objects, read when first needed."""

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, Definitions]] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, obj: str) -> Definitions:
        """Return the definitions of an object.

        Raises:
            RetryLater, StopConnection: they cannot be read.
        """
        async with self._locks[obj]:  # many records at once need one read
            read_at, known = self._known.get(obj, (0.0, None))
            if known is None or time.monotonic() - read_at > FRESH_SECONDS:
                known = await self._read(obj)
            return known

    def cached(self, obj: str) -> Definitions | None:
        """Return the definitions if they were read before."""
        known = self._known.get(obj)
        return known[1] if known else None

    async def covering(self, obj: str, values: Iterable[Mapping[str, Any]]) -> Definitions:
        """Return definitions that know all keys and options of these custom values, as far as the account has them."""
        known = await self.of(obj)
        now = time.monotonic()
        unknown = {key for item in values for key in known.lacks(item)}
        due = [key for key in unknown if now - self._asked.get((obj, key), -PATIENCE_SECONDS) >= PATIENCE_SECONDS]
        if not due:
            return known
        self._asked |= {(obj, key): now for key in due}
        async with self._locks[obj]:
            return await self._read(obj)

    async def named(self, obj: str, name: str) -> Definition | None:
        """Return the custom field of a display name, looking again (once a minute) if it is not known."""
        known = await self.of(obj)
        if name not in known.by_name:
            known = await self.covering(obj, [{f"name {name}": None}])
        return known.by_name.get(name)

    async def _read(self, obj: str) -> Definitions:
        fields = await self._client.all(f"{V2}/{KINDS[obj].fields_path}", f"{obj}.fields")
        found = Definitions(fields)
        self._known[obj] = (time.monotonic(), found)
        return found


def _definition(item: Mapping[str, Any], taken: Mapping[str, Definition]) -> Definition:
    code, name, custom = str(item["field_code"]), str(item.get("field_name") or ""), bool(item.get("is_custom_field"))
    if custom and (name in taken or not name):
        name = f"{name or 'unnamed'} ({code[:6]})"
    options = {option["id"]: str(option["label"]) for option in item.get("options") or () if "id" in option}
    return Definition(code, name, str(item.get("field_type") or ""), custom, options)


def _decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
