"""What does not come is told, with what was last seen, and nobody waits longer than the deadline."""

from __future__ import annotations

import asyncio
from itertools import chain, count, repeat

import pytest

from headrace.testing.waiting import eventually, wait_unchanged, wait_until

LONG = 20.0


def test_a_condition_that_holds_ends_the_wait() -> None:
    looks = count()
    wait_until(lambda: next(looks) == 3, "the third look", seconds=LONG, every=0)
    assert next(looks) == 4, "nobody looked again"


def test_what_does_not_come_is_named_with_what_was_last_seen() -> None:
    with pytest.raises(AssertionError, match="the order did not come within 0 s; last seen: 2 of 3 lines"):
        wait_until(lambda: False, "the order", seconds=0, seen=lambda: "2 of 3 lines")


def test_what_a_condition_raises_ends_the_wait() -> None:
    with pytest.raises(LookupError):
        wait_until(lambda: {}["gone"], "a record", seconds=LONG)


async def test_the_event_loop_runs_while_something_is_waited_for() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)
    await eventually(done.is_set, "the event", seconds=LONG)


async def test_a_condition_may_be_a_coroutine_function() -> None:
    looks = count()

    async def third() -> bool:
        return next(looks) == 3

    await eventually(third, "the third look", seconds=LONG)
    with pytest.raises(AssertionError, match="an answer did not come within 0 s"):
        await eventually(asyncio.Event().wait, "an answer", seconds=0)


def test_growth_is_waited_out_and_the_last_look_returned() -> None:
    looks = chain([1, 2, 3], repeat(3))
    assert wait_unchanged(lambda: next(looks), "the growth", still=0.02, seconds=LONG, every=0) == 3


def test_growth_without_end_is_told() -> None:
    looks = count()
    with pytest.raises(AssertionError, match=r"an end of the growth did not come within 0.01 s; last seen: \d+"):
        wait_unchanged(lambda: next(looks), "the growth", still=LONG, seconds=0.01, every=0)
