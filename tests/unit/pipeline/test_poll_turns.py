"""First polls come one after the other; whatever becomes of one, the next has its turn."""

from __future__ import annotations

import asyncio

import pytest

from headrace.core.errors import RetryLater, StopConnection
from headrace.pipeline.poll import Poller, PollTasks, Schedule


class Scripted(Poller):
    """Notes which object was polled; one whose name says so fails."""

    def __init__(self):
        super().__init__("erp", None, None, None)
        self.polled, self.under_way, self.most = [], 0, 0

    async def poll(self, obj):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        self.polled.append(obj)
        if obj == "later":
            raise RetryLater("busy", 3600.0)
        if obj == "stopped":
            raise StopConnection("no right")
        return 0


@pytest.mark.parametrize("objects", [["vendors", "accounts", "orders"], ["vendors", "later", "stopped", "orders"]])
async def test_first_polls_keep_the_order_of_the_configuration(objects):
    poller = Scripted()
    tasks = PollTasks(poller, {obj: Schedule(3600.0) for obj in objects}, 8)
    tasks.start(frozenset(range(8)))
    async with asyncio.timeout(10):
        while len(poller.polled) < len(objects):
            await asyncio.sleep(0)
    tasks.cancel()
    assert poller.polled == objects
    assert poller.most == 1
