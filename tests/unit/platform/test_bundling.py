"""Bundles: what waits together goes out together, nothing is sent late, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.platform.bundling import Bundler
from headrace.testing.waiting import eventually

LONG = 60.0


class Line:
    """A bundler whose calls a test lets through one by one."""

    def __init__(self, size: int = 10) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.bundler: Bundler[str, str] = Bundler(self.send, size, str.casefold, "test")

    async def send(self, items: Sequence[str]) -> list[str | Exception]:
        self.calls.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [RejectRecord("odd", item) if item == "odd" else item.upper() for item in items]

    def put(self, item: str, seconds: float = LONG) -> asyncio.Task[str]:
        return asyncio.create_task(self.bundler.put(item, seconds))

    async def sent(self, count: int) -> None:
        await eventually(lambda: len(self.calls) >= count)


async def test_what_comes_during_a_call_goes_out_with_the_next() -> None:
    line = Line()
    first = line.put("a")
    await line.sent(1)
    others = [line.put(item) for item in "bcd"]
    line.gate.set()
    assert await first == "A"
    assert await asyncio.gather(*others) == ["B", "C", "D"]
    assert line.calls == [["a"], ["b", "c", "d"]]


async def test_a_bundle_has_a_size_and_no_record_twice() -> None:
    line = Line(size=3)
    line.gate.set()
    assert await asyncio.gather(*(line.put(item) for item in ["a", "b", "A", "c", "d"])) == ["A", "B", "A", "C", "D"]
    assert line.calls == [["a", "b", "c"], ["A", "d"]]


async def test_an_item_ends_by_itself_and_a_call_for_all() -> None:
    line = Line()
    line.gate.set()
    results = await asyncio.gather(line.put("odd"), line.put("a"), return_exceptions=True)
    assert isinstance(results[0], RejectRecord)
    assert results[1] == "A"
    line.error = RetryLater("busy", 7.0)
    results = await asyncio.gather(line.put("a"), line.put("b"), return_exceptions=True)
    assert [(type(each), getattr(each, "after", None)) for each in results] == [(RetryLater, 7.0)] * 2
    assert results[0] is not results[1]


async def test_a_call_that_lasts_too_long_is_unknown() -> None:
    line = Line()
    with pytest.raises(OutcomeUnknown):
        await line.bundler.put("a", 0.05)
    line.gate.set()
    assert await line.bundler.put("b", LONG) == "B"


async def test_what_waits_too_long_is_not_sent() -> None:
    """It would be under way after its INTENT has ended (I4)."""
    line = Line()
    first = line.put("a", 0.2)
    await line.sent(1)
    late = line.put("b", 0.21)
    with pytest.raises(OutcomeUnknown):
        await first
    with pytest.raises(RetryLater, match="turn"):
        await late
    assert line.calls == [["a"]]


async def test_what_is_given_up_while_it_waits_is_not_sent() -> None:
    line = Line()
    first = line.put("a")
    await line.sent(1)
    waiting = line.put("b")
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    line.gate.set()
    await first
    assert await line.bundler.put("c", LONG) == "C"
    assert line.calls == [["a"], ["c"]]


async def test_a_call_goes_on_as_long_as_somebody_waits_for_it() -> None:
    line = Line()
    tasks = [line.put("a"), line.put("b")]
    await line.sent(1)
    tasks[0].cancel()
    line.gate.set()
    assert await tasks[1] == "B"


async def test_a_call_that_nobody_waits_for_is_given_up() -> None:
    line = Line()
    first = line.put("a")
    await line.sent(1)
    waiting = line.put("b")
    await asyncio.sleep(0)
    first.cancel()
    await line.sent(2)
    line.gate.set()
    assert await waiting == "B"
    assert line.calls == [["a"], ["b"]]


async def test_closing_ends_all() -> None:
    line = Line()
    under_way = line.put("a")
    await line.sent(1)
    waiting = line.put("b")
    await asyncio.sleep(0)
    await line.bundler.close()
    results = await asyncio.gather(under_way, waiting, return_exceptions=True)
    assert [type(each) for each in results] == [OutcomeUnknown, RetryLater]
    with pytest.raises(RetryLater):
        await line.bundler.put("c", LONG)
    assert line.calls == [["a"]]
