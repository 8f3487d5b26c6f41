import asyncio
import time
from collections.abc import Mapping

import pytest

from headrace.core.errors import RetryLater
from headrace.platform import metrics
from headrace.platform.budget import Budget


async def test_concurrency_is_kept() -> None:
    budget = Budget("b", concurrency=3)
    running, most = 0, 0

    async def call() -> None:
        nonlocal running, most
        async with budget.spend():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert most == 3


async def test_rate_holds_in_every_window() -> None:
    rate, burst, window = 200.0, 10, 0.1
    budget = Budget("b", rate, 50, burst=burst)
    starts: list[float] = []

    async def call() -> None:
        async with budget.spend():
            starts.append(time.monotonic())

    await asyncio.gather(*(call() for _ in range(50)))
    starts.sort()
    assert len(starts) == 50
    for position in range(len(starts)):
        inside = [s for s in starts[position:] if s < starts[position] + window]
        assert len(inside) <= burst + window * rate + 2  # two for the timer's own coarseness


async def test_a_pause_holds_for_all_and_ends() -> None:
    budget = Budget("b", concurrency=4)
    budget.pause(0.15, "429")
    budget.pause(0.01, "a shorter pause does not end the longer one")
    started = time.monotonic()

    async def call() -> float:
        async with budget.spend():
            return time.monotonic() - started

    assert min(await asyncio.gather(*(call() for _ in range(4)))) >= 0.14
    assert budget.pause_left() == 0


async def test_a_long_pause_is_reported_at_once() -> None:
    budget = Budget("b")
    budget.pause(500, "daily budget used up")
    with pytest.raises(RetryLater, match="daily budget used up") as caught:
        async with budget.spend(patience=5):
            pytest.fail("called in spite of the pause")
    assert caught.value.after == pytest.approx(500, abs=2)


async def test_no_slot_in_time_is_not_now_and_leaks_nothing() -> None:
    budget = Budget("b", concurrency=1)
    async with budget.spend():
        with pytest.raises(RetryLater):
            async with budget.spend(patience=0.02):
                pytest.fail("two in flight")
    async with budget.spend(patience=0.02):
        pass


async def test_slots_come_back_after_errors_and_cancellation() -> None:
    budget = Budget("b", concurrency=1)
    with pytest.raises(ZeroDivisionError):
        async with budget.spend():
            raise ZeroDivisionError
    held = asyncio.Event()

    async def hold() -> None:
        async with budget.spend():
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await held.wait()
    waiting = asyncio.create_task(hold())
    await asyncio.sleep(0)
    for each in (waiting, task):
        each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await each
    async with budget.spend(patience=0.1):
        pass


async def test_vendor_headers_are_heeded() -> None:
    def heed(budget: Budget, status: int, headers: Mapping[str, str]) -> None:
        budget.left("requests", float(headers["x-left"]))
        if headers["x-left"] == "0":
            budget.pause(30, "none left")

    budget = Budget("vendor", heed=heed)
    budget.observe(200, {"x-left": "2"})
    assert budget.pause_left() == 0
    budget.observe(200, {"x-left": "0"})
    assert budget.pause_left() > 29
    assert metrics.BUDGET_LEFT.labels("vendor", "requests")._value.get() == 0
