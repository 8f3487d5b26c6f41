"""Changes that come alone: one of a group at a time, and nobody else is held up by the wait."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from headrace.pipeline.alone import Alone
from headrace.pipeline.lanes import Lanes

from .doubles import operation


class Journals:
    """A target whose lines belong to a journal."""

    def serial(self, given):
        return given.fields.get("journal", "")


@pytest.mark.parametrize("places", [1, 2, 3])
@pytest.mark.parametrize("pauses", [0, 1, 2, 5])
async def test_all_have_their_turn_however_few_places_there_are(places, pauses):
    alone, failures, done, inside = Alone(Journals()), [], [], []
    lanes = Lanes(places, 100, lambda key, error: failures.append(error))

    async def write(number):
        await asyncio.sleep(0)
        async with alone.inside(operation(fields={"journal": f"J{number % 2}"})):
            inside.append(number % 2)
            assert inside.count(number % 2) == 1
            for _ in range(pauses):
                await asyncio.sleep(0)
            inside.remove(number % 2)
        await asyncio.sleep(0)
        done.append(number)

    for number in range(24):
        lanes.submit(f"payment {number}", partial(write, number))
    async with asyncio.timeout(10):
        while lanes.pending:
            await asyncio.sleep(0)
    assert (sorted(done), failures) == (list(range(24)), [])


async def test_those_who_come_as_the_turn_passes_on_wait_aside_as_well():
    alone, done = Alone(Journals()), []
    lanes = Lanes(2, 100, lambda key, error: None)

    async def write(name):
        async with alone.inside(operation(fields={"journal": "J"})):
            done.append(name)

    async def first():
        async with alone.inside(operation(fields={"journal": "J"})):
            lanes.submit("second", partial(write, "second"))
            while not alone.waiting("J"):
                await asyncio.sleep(0)
            # They begin in the moment in which the turn is nobody's: it is the second's, who needs a place for it.
            lanes.submit("third", partial(write, "third"))
            lanes.submit("fourth", partial(write, "fourth"))

    lanes.submit("first", first)
    async with asyncio.timeout(5):
        while lanes.pending:
            await asyncio.sleep(0)
    assert sorted(done) == ["fourth", "second", "third"]


async def test_a_wait_for_a_turn_takes_no_place():
    alone, gate, done = Alone(Journals()), asyncio.Event(), []
    lanes = Lanes(2, 100, lambda key, error: None)

    async def hang():
        async with alone.inside(operation(fields={"journal": "J"})):
            await gate.wait()

    async def other():
        done.append("invoice")

    for number in range(5):
        lanes.submit(f"payment {number}", hang)
    lanes.submit("invoice", other)
    async with asyncio.timeout(10):
        while not done:
            await asyncio.sleep(0)
        gate.set()
        while lanes.pending:
            await asyncio.sleep(0)


async def test_who_is_cancelled_in_line_leaves_the_line_as_it_was():
    alone, gate = Alone(Journals()), asyncio.Event()

    async def hold(until):
        async with alone.inside(operation(fields={"journal": "J"})):
            await until.wait()

    first, second = asyncio.create_task(hold(gate)), asyncio.create_task(hold(gate))
    await asyncio.sleep(0)
    second.cancel()
    gate.set()
    await asyncio.wait([first, second])
    async with asyncio.timeout(5), alone.inside(operation(fields={"journal": "J"})):
        assert second.cancelled()
