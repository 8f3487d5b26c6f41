"""What commands that talk to a running deployment share."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

from headrace.pipeline.assembly import Shared
from headrace.platform.settings import load_settings

T = TypeVar("T")


def with_deployment(work: Callable[[Shared], Awaitable[T]], *, links: bool = False) -> T:
    """Run `work` connected to the configured deployment, and disconnect after it."""

    async def run() -> T:
        shared = Shared(load_settings(), "cli")
        await shared.start(links=links)
        try:
            return await work(shared)
        finally:
            await shared.stop()

    return asyncio.run(run())


def operator() -> str:
    """Return who is at the keyboard, for the audit."""
    return getpass.getuser()
