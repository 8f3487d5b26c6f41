"""What a normaliser emitted of each record: the value of `emitted.<connection>` (schema `internal/emitted.v1`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headrace.core.event import CanonicalEvent

EMITTED = "internal/emitted.v1"


class Table(Protocol):
    """The normaliser's own durable state, by inbox key."""

    def get(self, key: str) -> bytes | None:
        """Return what was last written."""

    async def put(self, key: str, value: bytes | None) -> None:
        """Write and wait until it is durable."""


@dataclass(slots=True)
class Seen:
    """What was emitted of one record: its version, and for each entity the last event."""

    version: str = ""
    entities: dict[str, dict[str, str]] | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Seen:
        """Return it from the schema's record."""
        return cls(record["version"], {each["entity"]: dict(each) for each in record["entities"]})


def entry(event: CanonicalEvent, content: str) -> dict[str, str]:
    """Return what is remembered of an event."""
    meta = event.meta
    return {
        "entity": meta.entity,
        "canonical_id": meta.canonical_id,
        "event_id": meta.event_id,
        "fingerprint": content,
    }


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether a record to be remembered says anything new."""
    ignored = {"updated_at", "delivery_id"}
    return any(before[name] != value for name, value in after.items() if name not in ignored)
