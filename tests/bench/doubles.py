"""Kafka and the target, in memory and instant, where a benchmark is about the code in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from headrace.core.contracts import Action, Found, Limits, Operation, Written
from headrace.platform.kafka import Message, Producer
from headrace.platform.offsets import OffsetTracker
from headrace.platform.settings import KafkaSettings
from headrace.platform.worker import Handler

_BATCH = 256


class InstantProducer(Producer):
    """Takes everything at once and keeps nothing but the number."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings())
        self.sent = 0

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, int]:
        """Count a record."""
        self.sent += 1
        return 0, self.sent

    async def send_soon(self, topic: str, key: str, value: bytes | None) -> Any:
        """Count a record."""
        self.sent += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


class MemoryWorker:
    """The table and the acks of a stream worker, without Kafka and Faust."""

    def __init__(self) -> None:
        self._table: dict[str, bytes] = {}
        self._offsets = OffsetTracker()
        self._awaited = 0
        self._all = asyncio.Event()

    def get(self, key: str) -> bytes | None:
        """Return what was last written."""
        return self._table.get(key)

    async def put(self, key: str, value: bytes | None) -> None:
        """Write."""
        if value is None:
            self._table.pop(key, None)
        else:
            self._table[key] = value

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield everything."""
        yield from self._table.items()

    def lease_left(self) -> float:
        """Return an hour: nobody else is there."""
        return 3600.0

    def finished(self, message: Message) -> None:
        """Ack a message."""
        self._offsets.finished(message.topic, message.partition, message.offset)
        self._awaited -= 1
        if self._awaited == 0:
            self._all.set()

    async def feed(self, handler: Handler, messages: list[Message]) -> None:
        """Hand messages over in batches while there is room, as the stream worker does; return when all are acked."""
        self._awaited = len(messages)
        self._all.clear()
        for start in range(0, len(messages), _BATCH):
            while not handler.has_room:
                await asyncio.sleep(0)
            for message in messages[start : start + _BATCH]:
                if not self._offsets.received(message.topic, message.partition, message.offset, message.timestamp):
                    raise RuntimeError("a benchmark must not hand a message over twice")
                handler.on_message(message)
            await asyncio.sleep(0)
        await self._all.wait()


_ID_FIELD = {"CustomersV3": "CustomerAccount", "SalesOrderHeadersV2": "SalesOrderNumber"}


class InstantTarget:
    """Has nothing and takes everything, as an empty environment without latency."""

    limits = Limits(concurrency=8)

    def __init__(self) -> None:
        self._numbers = count(1)

    def check(self, operation: Operation) -> None:
        """Accept it."""

    async def find(self, operation: Operation) -> Found | None:
        """Find nothing."""
        return None

    async def apply(self, operation: Operation) -> Written:
        """Confirm it."""
        if operation.action is not Action.CREATE:
            raise RuntimeError(f"{operation.action} of {operation.object}: nothing should have changed")
        name = _ID_FIELD.get(operation.object, "InventoryLotId")
        return Written(f"dataAreaId=usmf,{name}=N{next(self._numbers):07d}", "v1", dict(operation.fields))
