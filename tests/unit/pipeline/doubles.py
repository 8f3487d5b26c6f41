"""Hand-written stand-ins for what the pipeline meets: a target with a ledger and scripted faults, a state store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.contracts import Action, AlreadyThere, Found, Limits, Operation, Written
from headrace.core.errors import OutcomeUnknown
from headrace.pipeline.state import EffectState
from headrace.platform.kafka import Message


class LedgerTarget:
    """Keeps records by id and a ledger of changes. `script` says what the next changing calls do instead."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits(concurrency=4, call_deadline=0.2, settle=0.05)
        self.records: dict[str, dict[str, Any]] = {}
        self.ledger: list[tuple[str, str]] = []
        self.script: list[str | Exception] = []
        self.finds = 0
        self.longest: dict[str, int] = {}
        """Field to the number of characters that the target keeps of a text."""

    def check(self, operation: Operation) -> None:
        pass

    async def find(self, operation: Operation) -> Found | None:
        self.finds += 1
        if operation.target_id:
            record = self.records.get(operation.target_id)
            return Found(operation.target_id, record=record) if record is not None else None
        hits = [name for name, record in self.records.items() if operation.key.items() <= record.items()]
        return Found(hits[0], record=self.records[hits[0]], matches=len(hits)) if hits and operation.key else None

    async def apply(self, operation: Operation) -> Written:
        fault = self.script.pop(0) if self.script else None
        if isinstance(fault, AlreadyThere):  # somebody else was quicker
            self.records["X1"] = {**operation.fields, "name": "Ada L."}
            raise fault
        if isinstance(fault, Exception):
            raise fault
        if fault == "lost request":
            raise OutcomeUnknown("connection reset")
        if fault == "hang":
            await asyncio.sleep(10)
        written = self._change(operation)
        if fault == "lost reply":
            raise OutcomeUnknown("connection reset after sending")
        if fault == "late":
            await asyncio.sleep(10)
        return written

    def _change(self, operation: Operation) -> Written:
        target_id = operation.target_id or f"T{len(self.ledger) + 1}"
        self.ledger.append((operation.action.value, target_id))
        if operation.action is Action.DELETE:
            self.records.pop(target_id)
            return Written(target_id)
        kept = {
            name: value[: self.longest[name]] if name in self.longest else value
            for name, value in operation.fields.items()
        }
        self.records[target_id] = {**self.records.get(target_id, {}), **kept}
        return Written(target_id, str(len(self.ledger)), self.records[target_id])


class MemoryStore:
    """State per id; remembers every write, as a crash at any of them would leave it."""

    def __init__(self, lease: float = 10.0) -> None:
        self.states: dict[str, EffectState] = {}
        self.written: list[EffectState] = []
        self.messages: dict[tuple[str, int, int], Message] = {}
        self.lease = lease

    async def newest(self, topic: str, canonical_id: str) -> Message | None:
        found = [each for each in self.messages.values() if (each.topic, each.key) == (topic, canonical_id)]
        return found[-1] if found else None

    def get(self, canonical_id: str) -> EffectState | None:
        return self.states.get(canonical_id)

    async def put(self, canonical_id: str, state: EffectState) -> None:
        self.states[canonical_id] = state
        self.written.append(state)

    async def message(self, topic: str, partition: int, offset: int) -> Message | None:
        return self.messages.get((topic, partition, offset))

    async def unsettled(self) -> list[tuple[str, EffectState]]:
        return [(key, state) for key, state in self.states.items() if state.parked or state.intent]

    def lease_left(self) -> float:
        return self.lease


def operation(action: Action = Action.CREATE, fields: Mapping[str, Any] | None = None, **more: Any) -> Operation:
    given = fields or {"marker": "M1", "name": "Ada"}
    base = Operation("op1", "erp", "customer", "C1", "record", action, "Customers", given, {"marker": "M1"})
    return replace(base, **more)


async def no_note(phase: str, outcome: str, **more: Any) -> None:
    """An audit that nobody reads."""


class MemoryProducer:
    """Keeps what was produced, by topic."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes | None]] = []

    async def send(self, topic: str, key: str, value: bytes | None, headers: Any = None) -> tuple[int, int]:
        self.sent.append((topic, key, value))
        return 0, len(self.sent)

    async def send_soon(self, topic: str, key: str, value: bytes | None) -> asyncio.Future[None]:
        await self.send(topic, key, value)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def on(self, topic: str) -> list[bytes | None]:
        return [value for name, _, value in self.sent if name == topic]
