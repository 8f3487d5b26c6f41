"""What commands that talk to a running deployment share."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from headrace.pipeline.shared import Shared
from headrace.platform.credentials import CredentialStore
from headrace.platform.settings import Settings, load_settings

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


@asynccontextmanager
async def credentials_of(settings: Settings) -> AsyncIterator[CredentialStore | None]:
    """Give the credential store, for commands that need nothing else of Kafka; None, and no Kafka, without keys."""
    if not settings.credentials.given:
        yield None
        return
    shared = Shared(settings, "cli")
    await shared.start(links=False)
    try:
        yield shared.credentials
    finally:
        await shared.stop()


def operator() -> str:
    """Return who is at the keyboard, for the audit."""
    return getpass.getuser()
