"""The canonical event: a full snapshot of what a source knows about one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Change(StrEnum):
    """What happened to the record at its source."""

    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a record inside one connection: object ("deal", "CustomersV3") and external id."""

    object: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Meta:
    """What every canonical event says about itself (schema `com.headrace.common.Meta`).

    `asserted` lists the data fields that the source knows, so that "unknown" and "cleared" differ.
    `source_version` orders events of one record: a later event compares greater or equal; "" if the source has none.
    `echoed` lists the asserted fields that hold what we wrote there: no news of this source (I7).
    `renewed` lists those that no longer hold it: the source's own word, even where it said the same before.
    `reason` says why a record is gone: "deleted", "merged", or the rule of its mapping that no longer holds.
    """

    event_id: str
    entity: str
    canonical_id: str
    connection: str
    object: str
    external_id: str
    source_version: str
    occurred_at: datetime
    observed_at: datetime
    change: Change
    legal_entity: str | None
    asserted: tuple[str, ...]
    trace_id: str
    echoed: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """`meta` and `data`; the data's shape is the entity's Avro schema under `schemas/canonical/`."""

    meta: Meta
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Kafka key: the canonical id, so that one record's events stay in one partition, in order (I5)."""
        return self.meta.canonical_id
