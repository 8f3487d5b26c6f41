"""What a normaliser emitted of each record: the value of `emitted.<connection>` (schema `internal/emitted.v1`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from headrace.core import values
from headrace.core.contracts import Record
from headrace.core.event import CanonicalEvent
from headrace.core.ids import fingerprint
from headrace.mapping.results import Mapped

EMITTED = "internal/emitted.v1"

LAPSED = Mapped({}, (), None, None, None, {}, ())
"""What is told of a record that was emitted and no longer passes the rules of its mapping."""


class Table(Protocol):
    """The normaliser's own durable state, by inbox key."""

    def get(self, key: str) -> bytes | None:
        """Return what was last written."""

    async def put(self, key: str, value: bytes | None) -> None:
        """Write and wait until it is durable."""


@dataclass(slots=True)
class Seen:
    """What was emitted of one record: its version, for each entity the last event, and its files, by id."""

    version: str = ""
    entities: dict[str, dict[str, str]] | None = None
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Seen:
        """Return it from the schema's record."""
        return cls(
            record["version"],
            {each["entity"]: dict(each) for each in record["entities"]},
            {each["attachment_id"]: dict(each) for each in record["files"] if each["content"]},
        )


def content_of(mapped: Mapped, record: Record) -> str:
    """Return the fingerprint of what a record says: the same content is told once.

    A file is told again where it lies elsewhere by now: what it holds changed, or it would soon be gone. What many
    records tell of counts once for each of them.
    """
    data = mapped.data
    if files := data.get("attachments"):
        data = {**data, "attachments": [{**each, "content": (each["content"] or {}).get("key")} for each in files]}
    says = [data, mapped.legal_entity, record.deleted]
    return fingerprint(values.dump(says if mapped.id is None else [*says, record.ref.external_id]))


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
