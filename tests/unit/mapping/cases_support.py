"""What the mapping tests share: cases as data, contexts, and a mapping around one expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.rates import Quote, RateBook
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.yaml_reading import read_yaml

HERE = Path(__file__).parent
DOCUMENTS = HERE / "documents"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def cases(name: str) -> list[dict[str, Any]]:
    value, _ = read_yaml((HERE / "cases" / f"{name}.yaml").read_bytes())
    assert isinstance(value, list)
    return value


class In:
    connection = "crm"

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return f"{entity}/{obj}/{external_id}"


@dataclass
class Out:
    """Links by (canonical id, object, scope), facts by (canonical id, name)."""

    links: Mapping[tuple[str, str, str | None], str] = field(default_factory=dict)
    facts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    rates: RateBook = field(default_factory=RateBook)

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        return self.links.get((canonical_id, obj, scope))

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        return self.facts.get((canonical_id, name))

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        return self.rates.find(rate_type, from_currency, to_currency, on)


def _refuse(word: str) -> str:
    raise RejectRecord("refused", f"never {word}")


def _broken(word: str) -> float:
    return 1 / (len(word) - len(word))


TRANSFORMS: Mapping[str, Callable[..., Any]] = {
    "shout": lambda word: f"{word.upper()}!",
    "broken": _broken,
    "refuse": _refuse,
    "floating": lambda: 0.1,
}


def record(data: Mapping[str, Any], **changes: Any) -> Record:
    return Record(Ref("deal", "55"), data, version="7", modified_at=NOON, **changes)


def event(data: dict[str, Any], *, asserted: tuple[str, ...] = (), change: Change = Change.UPSERT) -> CanonicalEvent:
    meta = Meta("ev", "sales_order", "cid-1", "crm", "deal", "55", "7", NOON, NOON, change, "usmf", asserted, "t")
    return CanonicalEvent(meta, data)


def in_mapping(**parts: Any) -> InMapping:
    whole = {"direction": "in", "system": "pipedrive", "object": "deal", "entity": "sales_order", "version": 1}
    return InMapping.model_validate({**whole, "fields": {"title": {"copy": "title"}}, **parts})


def out_mapping(steps: list[dict[str, Any]], **parts: Any) -> OutMapping:
    whole = {"direction": "out", "system": "dynamics_fo", "entity": "sales_order", "version": 1}
    return OutMapping.model_validate({**whole, "steps": steps, **parts})
