"""No credential shows, whichever way of signing in; bank accounts of vendors go nowhere (I10)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from prometheus_client import generate_latest

from headrace.core.contracts import WebhookRequest
from headrace.core.errors import DeliveryRefused, HeadraceError, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.testing.harness import source_of
from headrace.testing.samples import retry_after
from headrace.testing.suites.values import polled
from tests.contract.avidxchange.harness import (
    CREDENTIALS,
    NAMES,
    PROFILES,
    AvidxchangeHarness,
    PartnerHarness,
    UserHarness,
    running,
)

BANK = "021000021"


@pytest.mark.parametrize("kind", [AvidxchangeHarness, PartnerHarness, UserHarness])
async def test_no_secret_shows(
    tmp_path: Path, kind: type[AvidxchangeHarness], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults: list[dict[str, Any]] = [
        {"status": 401},
        {"status": 403},
        {"status": 400, "body": {"exception": {"reason": "BadRequest", "detail": "refused"}}},
        {"status": 503, "headers": retry_after("seconds", 600)},
    ]
    said: list[str] = []
    async with running(tmp_path, kind) as harness:
        for fault in faults:
            harness.fault("status", times=None, **fault)
            connection = harness.connect()
            with pytest.raises(HeadraceError) as caught:
                await source_of(connection).fetch(Ref("payment", "1"))
            harness.sandbox.faults.clear()
            said += [str(caught.value), repr(vars(caught.value)), repr(connection)]
            said += [repr(part) for part in vars(connection).values()]
            said += map(repr, await connection.ping())
        wrong = harness.connect(credential="canary-of-a-wrong-one")
        said += map(repr, await wrong.ping())
        said += [repr(vars(each)) for each in caplog.records] + [caplog.text, generate_latest().decode()]
    secrets = [CREDENTIALS[name] for name in PROFILES[kind.profile] if name not in NAMES]
    for secret in [*secrets, *map(quote_plus, secrets), "canary-of-a-wrong-one"]:
        assert not [text for text in said if secret in text]


async def test_a_sign_in_service_that_repeats_the_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As was seen: 503 with user name and password in its body."""
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path, UserHarness, authorizations_unavailable=True) as harness:
        with pytest.raises(RetryLater, match="503") as caught:
            await polled(harness.source(), "payment")
        said = [str(caught.value), caplog.text, *(repr(vars(each)) for each in caplog.records)]
        said += map(repr, await harness.connect().ping())
    assert not [text for text in said if CREDENTIALS["password"] in text or CREDENTIALS["username"] in text]


async def test_tokens_that_are_refused_stop_the_connection_at_once(harness: AvidxchangeHarness) -> None:
    """Company and user token cannot be renewed: one call, in every shape of a 401."""
    for number, body in enumerate(("same", "gateway_fault", "gateway_flat"), 1):
        harness.sandbox.settings.change({"unauthorized_body": body})
        with pytest.raises(StopConnection) as caught:
            await harness.source(credential="another-one").fetch(Ref("payment", "1"))
        assert caught.value.remedy
        assert len(harness.requests()) == number


async def test_bank_accounts_are_not_read(harness: AvidxchangeHarness, caplog: pytest.LogCaptureFixture) -> None:
    """What the API shows beside the contract's fields is left where it is."""
    caplog.set_level(logging.DEBUG)
    row = {"VendorID": 1, "VendorExternalSystemID": "V-1", "VendorName": "L", "BankAccountNumber": BANK}
    row["Address"] = {"Line1": "14 Dock St", "RoutingNumber": BANK}
    harness.fault("status", "GET", status=200, body={"Items": [row]}, path="/v1/vendors", times=None)
    source, target = harness.source(), harness.target()
    pages = await polled(source, "vendor")
    found = await target.find(harness.create("L", "V-1"))
    update = harness.update("LegalEntity=usmf,VendorExternalSystemID=V-1", **{"Address.City": "Durham"})
    with pytest.raises(HeadraceError):
        await target.apply(update)
    texts = [repr(pages), repr(found), caplog.text, json.dumps(harness.requests(), default=str)]
    assert found is not None
    assert not [text for text in texts if BANK in text]


async def test_webhooks_are_refused_with_words(harness: AvidxchangeHarness) -> None:
    source = harness.source()
    request = WebhookRequest({"content-type": "application/json"}, b"{}")
    for ask in (source.verify, source.notice):
        with pytest.raises(DeliveryRefused, match="webhooks"):
            ask(request)
