"""What the real flow is given so that it changes nothing: a producer, tables, links and targets that only pretend.

The dry run of a load is not a second opinion: normaliser and processors are the ones that run in earnest. What they
write stays in the memory of this process, and they see it there, so that records of one run know of each other.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from headrace.core.contracts import Action, Found, Limits, ObjectDescription, Operation, Target, Written
from headrace.pipeline.links import Link, Links
from headrace.platform.attachments import AttachmentStore
from headrace.platform.kafka import Message, Producer
from headrace.platform.settings import KafkaSettings

NEW = "(new "
"""How ids begin that the target has not given yet."""


class UnreadAttachments(AttachmentStore):
    """Names files, and reads none: nothing is written with them."""

    async def put(self, name: str, content: AsyncIterator[bytes]) -> dict[str, Any]:
        """Return where a content would lie."""
        return {
            "key": name,
            "partition": -1,
            "offset": -1,
            "parts": 0,
            "size": 0,
            "sha256": "",
            "stored_at": datetime.now(UTC),
        }


class KeptProducer(Producer):
    """Keeps what it is given, and never connects."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(kafka)
        self._kept: list[Message] = []
        self._count = 0

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, int]:
        """Keep a record, as a message of a partition that no topic has: nothing takes it for one that was done."""
        self._count += 1
        self._kept.append(Message(topic, -1, self._count, key, value))
        return -1, self._count

    async def send_soon(self, topic: str, key: str, value: bytes | None) -> asyncio.Future[None]:
        """Keep a record."""
        await self.send(topic, key, value)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def take(self) -> list[Message]:
        """Return what was given since the last call, in order."""
        taken, self._kept = self._kept, []
        return taken


class KeptTable:
    """A table in memory: what the workers' tables hold, and what this run would add."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return what was last written."""
        return self._rows.get(key)

    async def put(self, key: str, value: bytes | None) -> None:
        """Keep a value; None deletes."""
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key and value."""
        yield from list(self._rows.items())

    def lease_left(self) -> float:
        """Return that it is ours for good."""
        return math.inf


class KeptLinks(Links):
    """The links as they are, followed while the run lasts, and those that it would write.

    A link to a record that would be created leads nowhere yet: what refers to it waits, as it would in earnest.
    """

    async def put(self, link: Link) -> None:
        """Keep a link; its producer keeps it too."""
        if not link.external_id.startswith(NEW):
            await super().put(link)

    async def claim(self, link: Link) -> Link:
        """Keep a natural key unless another identity has it; nobody else sees it, so there is nothing to wait for."""
        await self.put(self.get(*link.address) or link)
        return self.get(*link.address) or link


@dataclass(frozen=True, slots=True)
class Change:
    """One call that would be made: action ("create", "update", "delete"), record and fields."""

    step: str
    action: str
    object: str
    target_id: str
    fields: Mapping[str, Any]


class RehearsedTarget:
    """A target that is read and not written (`headrace.core.contracts.Target`).

    Args:
        target: the real one: it checks and finds.
        objects: of its system; a record that would be created gets a stand-in for every text that the target fills.
    """

    def __init__(self, target: Target, objects: Mapping[str, ObjectDescription]) -> None:
        self._target = target
        self._objects = objects
        self._created = 0
        self._changes: dict[str, list[Change]] = {}
        self._keys: dict[tuple[str, str, str], Mapping[str, Any]] = {}

    @property
    def limits(self) -> Limits:
        """As the target's."""
        return self._target.limits

    def changes(self, canonical_id: str) -> list[Change]:
        """Return the calls that would be made for a canonical id since this was last asked, in order."""
        return self._changes.pop(canonical_id, [])

    def found_by(self, canonical_id: str, obj: str, target_id: str) -> Mapping[str, Any]:
        """Return the key by which a record was found for a canonical id; empty if by its id."""
        return self._keys.pop((canonical_id, obj, target_id), {})

    def check(self, operation: Operation) -> None:
        """Check as the target does; a change of a record that does not exist yet is not for it to judge."""
        if not operation.target_id.startswith(NEW):
            known = {name: value for name, value in operation.fields.items() if self._judgeable(operation, name, value)}
            self._target.check(replace(operation, fields=known))

    async def find(self, operation: Operation) -> Found | None:
        """Look in the target; what belongs to a record that would be created is not there."""
        names = [operation.target_id, *operation.key.values()]
        if any(isinstance(name, str) and name.startswith(NEW) for name in names):
            return None
        found = await self._target.find(operation)
        if found is not None and not operation.target_id:
            self._keys[operation.canonical_id, operation.object, found.target_id] = operation.key
        return found

    async def apply(self, operation: Operation) -> Written:
        """Note the change and answer as if it were made."""
        change = Change(
            operation.step, operation.action.value, operation.object, operation.target_id, dict(operation.fields)
        )
        self._changes.setdefault(operation.canonical_id, []).append(change)
        if operation.action is not Action.CREATE:
            return Written(operation.target_id, operation.expected_version, dict(operation.fields))
        self._created += 1
        name = f"{NEW}{self._created})"
        described = self._objects.get(operation.object)
        texts = [field for field, word in described.fields.items() if word == "string"] if described else []
        return Written(name, "", {field: name for field in texts if field not in operation.fields})

    def _judgeable(self, operation: Operation, name: str, value: Any) -> bool:
        described = self._objects.get(operation.object)
        word = described.fields.get(name, "string") if described else "string"
        return word == "string" or not (isinstance(value, str) and value.startswith(NEW))
