"""What is parked, as the state of a deployment's processors has it."""

from __future__ import annotations

import asyncio

from headrace.cli.demo.deployment import Deployment
from headrace.pipeline.decoding import decode
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import Parked, from_record
from headrace.platform.kafka import read_all
from headrace.platform.settings import load_settings


def parked(deployment: Deployment, connection: str) -> dict[str, Parked]:
    """Return what is parked on a connection, by canonical id."""
    with deployment.environ():
        return asyncio.run(_parked(connection))


async def _parked(connection: str) -> dict[str, Parked]:
    shared = Shared(load_settings(), "test")
    await shared.start(links=False)
    found: dict[str, Parked] = {}
    try:
        async for message in read_all(shared.settings.kafka, [shared.names.state(connection)]):
            found.pop(message.key, None)
            state = from_record(await decode(shared.codec, message.value)) if message.value else None
            if state is not None and state.parked is not None:
                found[message.key] = state.parked
    finally:
        await shared.stop()
    return found
