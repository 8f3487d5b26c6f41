import asyncio
from functools import partial

from headrace.pipeline.lanes import Lanes


def refuse(key, error):
    raise AssertionError(f"{key} failed") from error


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_one_key_in_order_and_keys_in_parallel():
    lanes, order, gate = Lanes(4, 100, refuse), [], asyncio.Event()

    async def work(name):
        if name == "a1":
            await gate.wait()
        order.append(name)

    for name in ("a1", "a2", "b1", "a3", "b2"):
        lanes.submit(name[0], partial(work, name))
    await until(lambda: order == ["b1", "b2"])
    gate.set()
    await until(lambda: lanes.pending == 0)
    assert order == ["b1", "b2", "a1", "a2", "a3"]


async def test_no_more_keys_at_once_than_allowed():
    lanes, running, most, gate = Lanes(3, 100, refuse), 0, 0, asyncio.Event()

    async def work():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    for number in range(10):
        lanes.submit(str(number), work)
    await until(lambda: running == 3)
    gate.set()
    await until(lambda: lanes.pending == 0)
    assert most == 3


async def test_there_is_room_until_the_capacity_is_used_up():
    lanes, gate = Lanes(10, 2, refuse), asyncio.Event()
    lanes.submit("a", gate.wait)
    assert lanes.has_room
    lanes.submit("b", gate.wait)
    assert not lanes.has_room
    gate.set()
    await until(lambda: lanes.has_room)


async def test_drain_finishes_what_runs_and_forgets_what_waits():
    lanes, done, gate = Lanes(1, 100, refuse), [], asyncio.Event()

    async def first():
        await gate.wait()
        done.append("first")

    async def second():
        done.append("second")

    lanes.submit("a", first)
    lanes.submit("a", second)
    await asyncio.sleep(0)
    draining = asyncio.create_task(lanes.drain(5))
    await asyncio.sleep(0)
    gate.set()
    await draining
    assert done == ["first"]
    assert lanes.pending == 0


async def test_drain_cancels_what_does_not_end():
    lanes = Lanes(1, 100, refuse)
    lanes.submit("a", asyncio.Event().wait)
    await lanes.drain(0.01)
    assert lanes.pending == 0


async def test_an_unforeseen_error_stops_only_its_key():
    failed, done = [], []
    lanes = Lanes(4, 100, lambda key, error: failed.append((key, str(error))))

    async def broken():
        raise RuntimeError("defect")

    async def fine(name):
        done.append(name)

    lanes.submit("a", broken)
    lanes.submit("a", partial(fine, "a2"))
    lanes.submit("b", partial(fine, "b1"))
    await until(lambda: done == ["b1"] and bool(failed))
    assert failed == [("a", "defect")]


async def test_work_that_comes_while_its_key_is_busy_waits_even_after_earlier_work_ended():
    lanes, running, gates = Lanes(4, 100, refuse), [], {name: asyncio.Event() for name in "abc"}

    async def work(name):
        running.append(name)
        await gates[name].wait()
        running.remove(name)

    lanes.submit("key", partial(work, "a"))
    lanes.submit("key", partial(work, "b"))
    await until(lambda: running == ["a"])
    gates["a"].set()
    await until(lambda: running == ["b"])
    lanes.submit("key", partial(work, "c"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert running == ["b"]
    gates["b"].set()
    await until(lambda: running == ["c"])
    gates["c"].set()
    await until(lambda: lanes.pending == 0)
