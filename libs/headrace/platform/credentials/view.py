"""What the topic `credentials` says, record by record: the same for every process that reads it, in one order.

The topic has one partition and the broker's own time stamps, so all processes agree who may replace a secret: the
first claim of its present revision holds until it is settled or its lease ends by the broker's clock; a claim that
comes in between holds nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

CLAIM = "#claim"
"""Ends the keys of claims. No name of a credential has this character."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A stored secret, encrypted."""

    name: str
    revision: int
    key_id: str
    ciphertext: bytes = field(repr=False)
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Who is replacing a revision. `until` is in milliseconds of the broker's clock, `given_up` in ours (monotonic)."""

    owner: str
    revision: int
    until: int
    given_up: float

    def seconds_left(self) -> float:
        """Return how long it may still hold, as far as this process can tell."""
        return max(0.0, min(self.given_up - time.monotonic(), self.until / 1000 - time.time()))


@dataclass(slots=True)
class Entry:
    """What is known of one name. `refused` is the revision that the system does not accept any more."""

    credential: Credential | None = None
    claim: Claim | None = None
    refused: int = 0

    @property
    def revision(self) -> int:
        """The present revision, 0 if there is none."""
        return self.credential.revision if self.credential else 0


class View:
    """Every name with its latest record."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def entry(self, name: str) -> Entry:
        """Return what is known of a name."""
        return self._entries.setdefault(name, Entry())

    def credentials(self) -> list[Credential]:
        """Return all that is stored, by name."""
        return [entry.credential for _, entry in sorted(self._entries.items()) if entry.credential]

    def removed(self, key: str) -> None:
        """Take in that a key was deleted."""
        if not key.endswith(CLAIM):
            self._entries.pop(key, None)

    def stored(self, record: Mapping[str, Any]) -> None:
        """Take in a value. It settles the claim on what it replaces."""
        entry = self.entry(record["name"])
        entry.credential = Credential(**record)
        if entry.claim and entry.claim.revision < entry.revision:
            entry.claim = None

    def claimed(self, record: Mapping[str, Any], timestamp: int) -> None:
        """Take in a claim, or what became of one; `timestamp` is the broker's, in milliseconds."""
        entry, owner, revision = self.entry(record["name"]), record["owner"], record["revision"]
        if record["state"] == "claimed":
            held = entry.claim is not None and entry.claim.until > timestamp
            if not held and revision == entry.revision:
                lease = record["lease_millis"]
                entry.claim = Claim(owner, revision, timestamp + lease, time.monotonic() + lease / 1000)
        elif entry.claim and entry.claim.owner == owner:
            entry.claim = None
            if record["state"] == "refused":
                entry.refused = revision
