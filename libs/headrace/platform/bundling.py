"""Puts what waits at the same moment into one call: a minute has few calls, and each takes hundreds of items."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from headrace.core.errors import OutcomeUnknown, RetryLater

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_LEFT = 0.25
"""Part of its time that must be left to an item when its call begins."""


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    name: Hashable
    answer: asyncio.Future[Result]
    seconds: float
    ends: float


class Bundler(Generic[Item, Result]):
    """One line of calls, one after the other. The next goes out as soon as none is under way, with all that wait.

    Args:
        send: makes a call and returns, for each item in the order given, its result or the error that it ends with.
            An error that it raises is that of all items.
        size: items of a call at most.
        name: tells which items may not be in one call together, as they are about the same record.
        what: for messages.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        size: int,
        name: Callable[[Item], Hashable],
        what: str,
    ) -> None:
        self._send = send
        self._size = size
        self._name = name
        self._what = what
        self._queue: list[_Waiting[Item, Result]] = []
        self._under_way: list[_Waiting[Item, Result]] = []
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def put(self, item: Item, seconds: float) -> Result:
        """Return the result of an item.

        Args:
            item: what goes out with others.
            seconds: how long all of it may take. An item whose turn does not come in time is not sent.

        Raises:
            RetryLater: not sent, its turn did not come. OutcomeUnknown: sent, and no answer within its time. And what
                `send` gives or raises.
        """
        if self._closed:
            raise RetryLater(f"{self._what}: the connection is closed")
        loop = asyncio.get_running_loop()
        waiting = _Waiting[Item, Result](item, self._name(item), loop.create_future(), seconds, loop.time() + seconds)
        self._queue.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name=f"bundles of {self._what}")
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            self._given_up(waiting)
            raise

    async def close(self) -> None:
        """Give up what is under way; nothing that waits is sent any more."""
        self._closed = True
        for each in self._queue:
            _end(each, RetryLater(f"{self._what}: the connection is closed"))
        self._queue = []
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    def _given_up(self, waiting: _Waiting[Item, Result]) -> None:
        """Take out what nobody waits for any more: it must not be sent after its INTENT has ended (I4)."""
        if waiting in self._queue:
            self._queue.remove(waiting)
        elif self._worker is not None and self._under_way and all(each.answer.done() for each in self._under_way):
            self._worker.cancel()

    async def _work(self) -> None:
        try:
            while self._queue:
                self._under_way = self._next()
                if self._under_way:
                    await self._call(self._under_way)
        finally:
            left, self._under_way = self._under_way, []
            self._finish(left, [OutcomeUnknown(f"{self._what}: given up while under way")] * len(left))
            if self._queue:  # cancelled, as nobody waited for that call any more; others do for the next
                self._worker = asyncio.create_task(self._work(), name=f"bundles of {self._what}")

    def _next(self) -> list[_Waiting[Item, Result]]:
        """Take the next bundle out of the queue; what has waited too long is told so."""
        now = asyncio.get_running_loop().time()
        bundle: list[_Waiting[Item, Result]] = []
        rest: list[_Waiting[Item, Result]] = []
        names: set[Hashable] = set()
        for each in self._queue:
            if each.ends - now < each.seconds * _LEAST_LEFT:
                _end(each, RetryLater(f"{self._what}: its turn did not come within {each.seconds:g} s"))
            elif len(bundle) < self._size and each.name not in names:
                bundle.append(each)
                names.add(each.name)
            else:
                rest.append(each)
        self._queue = rest
        return bundle

    async def _call(self, bundle: list[_Waiting[Item, Result]]) -> None:
        try:
            async with asyncio.timeout_at(min(each.ends for each in bundle)):
                results: Sequence[Result | Exception] = await self._send([each.item for each in bundle])
        except TimeoutError:
            results = [OutcomeUnknown(f"{self._what}: no answer in time")] * len(bundle)
        except Exception as error:
            results = [error] * len(bundle)
        self._finish(bundle, results)
        self._under_way = []

    def _finish(self, bundle: Sequence[_Waiting[Item, Result]], results: Sequence[Result | Exception]) -> None:
        for each, result in zip(bundle, results, strict=True):
            _end(each, result)


def _end(waiting: _Waiting[Item, Result], result: Result | Exception) -> None:
    if waiting.answer.done():
        return
    if isinstance(result, Exception):
        waiting.answer.set_exception(copy.copy(result))  # each has its own traceback
    else:
        waiting.answer.set_result(result)
