"""`headrace credentials` and `headrace pipedrive authorize`, as operators run them."""

from __future__ import annotations

import pytest

from tests.integration.credentials.conftest import NAME, World, new_key

pytestmark = pytest.mark.kafka


async def test_stored_listed_rotated_deleted(world: World) -> None:
    value = "canary-value-of-the-operator"
    world.canaries.add(value)
    assert "other is stored" in (await world.works("credentials", "set", "other", given=f"{value}\n")).out
    first = (await world.works("credentials", "list")).out
    assert "crm-app" in first
    assert "other" in first
    old = world.keys[0]
    world.keys = [new_key(), old]
    world.canaries |= set(world.keys)
    assert "2 encrypted anew: crm-app, other" in (await world.works("credentials", "rotate")).out
    world.keys = world.keys[:1]
    second = (await world.works("credentials", "list")).out
    assert "not in credentials.keys" not in second
    world.keys = [old]
    assert "not in credentials.keys" in (await world.works("credentials", "list")).out
    refused = await world.run("credentials", "rotate")
    assert refused.code == 78
    assert "credential other was encrypted with key" in refused.err
    assert "other is deleted" in (await world.works("credentials", "delete", "other")).out
    missing = await world.run("credentials", "delete", "other")
    assert (missing.code, "is not stored" in missing.err) == (78, True)


async def test_keys_that_are_none_are_named_and_not_shown(world: World) -> None:
    world.keys = ["canary-that-is-no-key"]
    world.canaries.add(world.keys[0])
    refused = await world.run("credentials", "list")
    assert refused.code == 78
    assert "credentials.keys[0]: not a key" in refused.err
    world.keys = []
    missing = await world.run("credentials", "list")
    assert (missing.code, "credentials.keys" in missing.err) == (78, True)


async def test_an_account_is_authorized_and_works(world: World) -> None:
    before = await world.run("poll", "crm", "organization")
    assert before.code == 1
    assert "headrace pipedrive authorize crm" in before.err
    ended = await world.authorize()
    assert (ended.code, "crm is authorized" in ended.out) == (0, True), ended
    assert "pass crm: sign-in" in (await world.run("ping", "crm")).out
    assert NAME in (await world.works("credentials", "list")).out


async def test_a_user_who_does_not_agree(world: World) -> None:
    world.sandbox.settings.change({"oauth_decision": "deny"})
    ended = await world.authorize()
    assert ended.code == 1
    assert "refused" in ended.err


async def test_a_secret_that_is_not_stored_is_named(world: World) -> None:
    await world.works("credentials", "delete", "crm-app")
    refused = await world.run("poll", "crm", "organization")
    assert refused.code == 78
    assert "client_secret" in refused.err
    assert "headrace credentials set crm-app" in refused.err
