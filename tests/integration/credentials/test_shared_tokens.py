"""Several processes and one refresh token that serves once: renewed by one of them, through every crash."""

from __future__ import annotations

import asyncio

import pytest

from headrace.cli.systems import CONNECTORS
from headrace.core.errors import StopConnection
from headrace.core.event import Ref
from headrace.pipeline.assembly import choose, open_connection
from headrace.testing.harness import source_of
from tests.integration.credentials.conftest import CLIENT, World, killed

pytestmark = pytest.mark.kafka

POLL = ("poll", "crm", "organization")


async def test_processes_that_begin_at_once_renew_once(world: World) -> None:
    await world.agreed()
    before, old = world.sign_ins(), await world.tokens()
    running = [await world.begin(*POLL) for _ in range(3)]
    ended = await asyncio.gather(*(world.end(process) for process in running))
    assert [each.code for each in ended] == [0, 0, 0], ended
    assert world.sign_ins() == before + 1
    assert (await world.tokens()).refresh_token != old.refresh_token


@pytest.mark.parametrize(
    ("point", "exchanges", "renewals"),
    [
        ("credentials.before-make", True, 1),
        ("credentials.after-make", False, 2),
        ("credentials.after-write", True, 1),
    ],
)
async def test_killed_while_it_renews(world: World, point: str, exchanges: bool, renewals: int) -> None:
    await world.agreed()
    world.sandbox.settings.change({"rotate_refresh_token": exchanges})
    before = world.sign_ins()
    assert killed(await world.run(*POLL, crash_at=point))
    await world.works(*POLL)
    assert world.sign_ins() == before + renewals


async def test_killed_with_the_only_refresh_token_that_works(world: World) -> None:
    await world.agreed()
    assert killed(await world.run(*POLL, crash_at="credentials.after-make"))
    before = world.sign_ins()
    for _ in range(2):
        refused = await world.run(*POLL)
        assert refused.code == 1
        assert "Authorize it again: headrace pipedrive authorize crm" in refused.err
    assert world.sign_ins() == before + 1, "all know that it was refused; nobody asks again"
    assert (await world.authorize()).code == 0
    await world.works(*POLL)


async def test_a_stored_secret_changes_without_a_restart(world: World) -> None:
    """The app's secret is replaced in the Developer Hub and in the store; a process that runs goes on."""
    await world.agreed()
    connector = choose(world.settings(), CONNECTORS, lambda each: True, "crm")["crm"]
    connection, _ = open_connection(world.settings(), "crm", connector, world.store)
    source = source_of(connection)
    try:
        assert await source.fetch(Ref("organization", "99999")) is None
        new = "canary-new-client-secret-22"
        world.canaries.add(new)
        world.sandbox.seed({"oauth_clients": [{"client_id": CLIENT, "client_secret": new}], "quiet": True})
        await world.end_of_access_token()
        with pytest.raises(StopConnection, match=r"oauth\.client_secret"):
            await source.fetch(Ref("organization", "99999"))
        await world.works("credentials", "set", "crm-app", given=new)
        await world.store._catch_up()
        assert await source.fetch(Ref("organization", "99999")) is None
    finally:
        await connection.close()
