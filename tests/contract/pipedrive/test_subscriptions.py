"""`headrace pipedrive webhooks sync`: what is missing is created, what is stale goes, all else stays."""

from collections.abc import Sequence
from typing import Any

import pytest

from headrace.connectors.pipedrive.connection import PipedriveConnection
from headrace.connectors.pipedrive.subscriptions import Step, registered, same_address, sync
from headrace.core.errors import ConfigurationError, OutcomeUnknown, RejectRecord
from headrace.testing.serving import receiver
from headrace.testing.waiting import eventually
from tests.contract.pipedrive.world import CANARY, World

ADDRESS = "https://hooks.example.com/hooks/crm"
PASSWORD = "canary-hook-password"
HOOK = {"user": "headrace", "password": PASSWORD, "url": ADDRESS}
OBJECTS = ["deal", "organization", "person", "product", "deal_product"]


async def register(sandbox: World, **changes: Any) -> int:
    """Register a webhook as the connection's own user."""
    body = {
        "name": "by hand",
        "subscription_url": ADDRESS,
        "event_object": "deal",
        "event_action": "*",
        "version": "2.0",
        "http_auth_user": "headrace",
        "http_auth_password": PASSWORD,
        **changes,
    }
    answer = await sandbox.api.post("/api/v1/webhooks", json=body, headers={"x-api-token": CANARY})
    answer.raise_for_status()
    return int(answer.json()["data"]["id"])


async def run(connection: PipedriveConnection, **options: Any) -> list[Step]:
    steps: list[Step] = []
    await sync("crm", connection.config, connection.client, told=steps.append, **options)
    return steps


async def objects(connection: PipedriveConnection) -> list[str]:
    return sorted(each.object for each in await registered(connection.client) if each.address == ADDRESS)


def actions(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.action, step.object) for step in steps]


async def test_what_is_missing_is_created_and_a_second_run_does_nothing(sandbox: World) -> None:
    connection = sandbox.connect(webhook=HOOK)
    assert actions(await run(connection)) == [("created", obj) for obj in OBJECTS]
    found = await registered(connection.client)
    assert {(each.version, each.action, each.active, each.user) for each in found} == {("2.0", "*", True, "headrace")}
    assert await run(connection) == []
    assert await objects(connection) == sorted(OBJECTS)


async def test_what_was_created_delivers_with_our_credentials(sandbox: World) -> None:
    async with receiver() as hook:
        connection = sandbox.connect(webhook={**HOOK, "url": hook.url})
        await run(connection)
        await sandbox.call("POST", "/api/v2/organizations", name="Delivered")
        (request, *_) = await hook.received(1)
    assert connection.source is not None
    connection.source.verify(request)
    assert connection.source.notice(request).ref is not None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": "1.0"}, "version 1.0"),
        ({"event_action": "create"}, "only for action create"),
        ({"event_object": "note"}, "note is not configured"),
        ({"http_auth_user": "somebody"}, "another Basic user"),
        ({"http_auth_password": "an-older-password"}, "another Basic password"),
    ],
)
async def test_what_is_stale_goes(sandbox: World, changes: dict[str, Any], why: str) -> None:
    connection = sandbox.connect(webhook=HOOK)
    old = await register(sandbox, **changes)
    steps = await run(connection)
    (deleted,) = [step for step in steps if step.action == "deleted"]
    assert deleted.id == old
    assert why in deleted.why
    assert steps[-1] is deleted, "the new one is there before the old one goes"
    assert await objects(connection) == sorted(OBJECTS)
    assert await run(connection) == []


async def test_of_two_the_older_stays(sandbox: World) -> None:
    first, second = await register(sandbox), await register(sandbox)
    connection = sandbox.connect(webhook=HOOK)
    deleted = [step for step in await run(connection) if step.action == "deleted"]
    assert [(step.id, step.why) for step in deleted] == [(second, f"a second one; {first} stays")]


async def test_one_that_is_refused_with_401_is_replaced(sandbox: World) -> None:
    """Credentials may be masked; that the receiver refuses them tells as well."""
    async with receiver([401]) as hook:
        connection = sandbox.connect(webhook={**HOOK, "url": hook.url})
        old = await register(sandbox, subscription_url=hook.url, event_object="organization")
        await sandbox.call("POST", "/api/v2/organizations", name="Refused")

        async def known() -> bool:
            return any(each.last_status == 401 for each in await registered(connection.client))

        await eventually(known)
        steps = await run(connection)
    assert ("deleted", "organization") in actions(steps)
    assert old not in {each.id for each in await registered(connection.client)}


async def test_other_addresses_are_left_alone(sandbox: World) -> None:
    theirs = [
        await register(sandbox, subscription_url="https://hooks.example.com/hooks/crm2", event_object="note"),
        await register(sandbox, subscription_url="https://other.example.com/hooks/crm", version="1.0"),
    ]
    await run(sandbox.connect(webhook=HOOK))
    assert set(theirs) <= {each.id for each in await registered(sandbox.connect().client)}


async def test_a_dry_run_changes_nothing(sandbox: World) -> None:
    await register(sandbox, event_object="note")
    connection = sandbox.connect(webhook=HOOK, objects=["deal"])
    before = await registered(connection.client)
    steps = await run(connection, dry_run=True)
    assert actions(steps) == [("would create", "deal"), ("would create", "deal_product"), ("would delete", "note")]
    assert await registered(connection.client) == before
    assert len(await sandbox.requests("POST", "/api/v1/webhooks")) == 1, "only that of the test itself"


async def test_webhooks_of_version_1_know_no_lines(sandbox: World) -> None:
    connection = sandbox.connect(webhook={**HOOK, "version": "1"}, objects=["deal"])
    assert actions(await run(connection)) == [("created", "deal")]
    assert [each.version for each in await registered(connection.client)] == ["1.0"]


async def test_a_lost_reply_is_looked_up_not_repeated(sandbox: World) -> None:
    await sandbox.fault("drop_reply", "POST", "/api/v1/webhooks", times=1)
    connection = sandbox.connect(webhook=HOOK)
    steps = await run(connection)
    assert "its reply was lost" in steps[0].why
    assert await objects(connection) == sorted(OBJECTS)
    assert len(await sandbox.requests("POST", "/api/v1/webhooks")) == len(OBJECTS)


async def test_a_lost_request_is_not_repeated_either(sandbox: World) -> None:
    await sandbox.fault("drop_request", "POST", "/api/v1/webhooks", times=1)
    connection = sandbox.connect(webhook=HOOK)
    with pytest.raises(OutcomeUnknown, match="run `headrace pipedrive webhooks sync` again"):
        await run(connection)
    assert len(await sandbox.requests("POST", "/api/v1/webhooks")) == 1
    assert actions(await run(connection)) == [("created", obj) for obj in OBJECTS]


async def test_a_lost_reply_of_a_deletion_is_looked_up(sandbox: World) -> None:
    await register(sandbox, event_object="note")
    await sandbox.fault("drop_reply", "DELETE", "/api/v1/webhooks", times=1)
    steps = await run(sandbox.connect(webhook=HOOK))
    assert "it is gone" in steps[-1].why


async def test_a_deletion_whose_request_was_lost_is_told(sandbox: World) -> None:
    await register(sandbox, event_object="note")
    await sandbox.fault("drop_request", "DELETE", "/api/v1/webhooks", times=1)
    with pytest.raises(OutcomeUnknown, match="still shows it"):
        await run(sandbox.connect(webhook=HOOK))


async def test_the_limit_of_webhooks_is_explained(sandbox: World) -> None:
    await sandbox.settings(webhook_limit=2)
    connection = sandbox.connect(webhook=HOOK)
    steps: list[Step] = []
    with pytest.raises(RejectRecord, match="Delete those that nobody needs"):
        await sync("crm", connection.config, connection.client, told=steps.append)
    assert actions(steps) == [("created", "deal"), ("created", "organization")], "what was done is told"


async def test_short_of_room_stale_ones_go_first(sandbox: World) -> None:
    for number in range(39):
        await register(sandbox, subscription_url=f"https://other.example.com/{number}")
    stale = await register(sandbox, version="1.0")
    steps = await run(sandbox.connect(webhook=HOOK, objects=["product"]))
    assert [(step.action, step.object) for step in steps] == [("deleted", "deal"), ("created", "product")]
    assert steps[0].id == stale


async def test_an_address_that_pipedrive_cannot_reach_is_explained(sandbox: World) -> None:
    await sandbox.settings(webhook_url_check="public")
    with pytest.raises(RejectRecord, match="public https address"):
        await run(sandbox.connect(webhook={**HOOK, "url": "http://localhost:8000/hooks/crm"}))


@pytest.mark.parametrize(
    "webhook", [None, {"user": "headrace", "password": PASSWORD}, {"secret": PASSWORD, "url": "x"}]
)
async def test_without_address_and_login_there_is_nothing_to_register(
    sandbox: World, webhook: dict[str, str] | None
) -> None:
    with pytest.raises(ConfigurationError):
        await run(sandbox.connect(webhook=webhook))
    assert await sandbox.requests("POST", "/api/v1/webhooks") == []


async def test_no_password_shows(sandbox: World) -> None:
    await register(sandbox, http_auth_password="canary-older-password")
    connection = sandbox.connect(webhook=HOOK)
    steps = await run(connection)
    shown = repr(steps) + repr(await registered(connection.client))
    assert PASSWORD not in shown
    assert "canary-older-password" not in shown


def test_addresses_are_compared_as_the_web_does() -> None:
    assert same_address("https://Hooks.example.com:443/hooks/crm/", ADDRESS)
    for other in (
        "http://hooks.example.com/hooks/crm",
        ADDRESS + "2",
        ADDRESS + "?a=1",
        "https://hooks.example.com:8443/hooks/crm",
    ):
        assert not same_address(other, ADDRESS)
