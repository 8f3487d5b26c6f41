"""`headrace dataverse webhooks register`: what is missing is made once, what is wrong is corrected."""

from typing import Any

import pytest

from headrace.connectors.dataverse.registering import Told, register
from headrace.connectors.dataverse.registrations import same_address
from headrace.core.contracts import CheckState
from headrace.core.errors import ConfigurationError, OutcomeUnknown, RejectRecord
from headrace.testing.serving import receiver
from tests.contract.dataverse.harness import CODE, HEADER
from tests.contract.dataverse.world import ACCOUNT, World

URL = "https://hooks.example.com/hooks/sales"


async def registered(sandbox: World, *, dry_run: bool = False, **webhook: Any) -> list[Told]:
    connection = sandbox.connect(webhook={"codes": [CODE], "url": URL, **webhook}, objects=["account", "opportunity"])
    told: list[Told] = []
    await register("sales", connection.config, connection.client, dry_run=dry_run, told=told.append)
    return told


async def test_everything_once(sandbox: World) -> None:
    told = await registered(sandbox)
    assert [each.what for each in told] == [
        "service endpoint",
        *(
            f"step {message} of {table}"
            for table in ("account", "opportunity")
            for message in ("Create", "Update", "Delete")
        ),
    ]
    assert await registered(sandbox) == []
    assert len(sandbox.ledger("serviceendpoint")) == 1
    assert len(sandbox.ledger("sdkmessageprocessingstep")) == 6
    connection = sandbox.connect(webhook={"codes": [CODE], "url": URL}, objects=["account", "opportunity"])
    found = {line.name: line for line in await connection.ping()}
    assert found["webhook steps"].state is CheckState.PASS


async def test_a_dry_run_changes_nothing(sandbox: World) -> None:
    told = await registered(sandbox, dry_run=True)
    assert {each.action for each in told} == {"would be created"}
    assert sandbox.ledger("serviceendpoint") == sandbox.ledger("sdkmessageprocessingstep") == []


async def test_a_lost_reply_and_a_second_run_make_no_second_row(sandbox: World) -> None:
    await sandbox.fault("drop_reply", "PATCH", "serviceendpoints")
    with pytest.raises(OutcomeUnknown):
        await registered(sandbox)
    await registered(sandbox)
    assert len(sandbox.sandbox.store.list("serviceendpoint")) == 1
    assert len(sandbox.sandbox.store.list("sdkmessageprocessingstep")) == 6


async def test_what_is_wrong_is_corrected(sandbox: World) -> None:
    await registered(sandbox)
    first, second, *_ = sandbox.sandbox.store.list("sdkmessageprocessingstep")
    sandbox.edit("sdkmessageprocessingstep", first.key, statecode=1, statuscode=2)
    sandbox.edit("sdkmessageprocessingstep", second.key, mode=0, stage=20)
    told = await registered(sandbox)
    assert {each.why for each in told} == {"it is disabled", "it runs at stage 20, before the change is kept"}
    assert await registered(sandbox) == []


@pytest.mark.parametrize(
    "webhook",
    [{"codes": [CODE]}, {"codes": [], "headers": [{"name": "x-relay", "value": HEADER}]},
     {"codes": [], "queries": [{"name": "relay", "value": HEADER}]}],
    ids=["code", "header", "query"],
)  # fmt: skip
async def test_what_is_registered_is_believed(sandbox: World, webhook: Any) -> None:
    async with receiver() as hook:
        await registered(sandbox, url=hook.url, **webhook)
        sandbox.edit("account", ACCOUNT, name="Renamed")
        (request,) = await hook.received(1)
    source = sandbox.source(webhook=webhook)
    source.verify(request)
    ref = source.notice(request).ref
    assert ref is not None
    assert ref.external_id == ACCOUNT


async def test_another_port_is_refused_in_words(sandbox: World) -> None:
    await sandbox.settings(webhook_ports="80_443")
    with pytest.raises(RejectRecord, match="port"):
        await registered(sandbox, url="https://hooks.example.com:8443/hooks/sales")


async def test_no_address(sandbox: World) -> None:
    with pytest.raises(ConfigurationError, match=r"webhook\.url"):
        await registered(sandbox, url="")


def test_one_address_in_several_spellings() -> None:
    assert same_address(f"{URL}/", "HTTPS://Hooks.example.com:443/hooks/sales")
    assert not same_address(URL, f"{URL}2")
    assert not same_address(URL, "http://hooks.example.com/hooks/sales")
