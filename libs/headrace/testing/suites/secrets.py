"""No secret shows in an error, a representation, a log record, a metric or what `ping` says (I10)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from prometheus_client import generate_latest

from headrace.core.contracts import AlreadyThere, Connection
from headrace.core.errors import DeliveryRefused, HeadraceError
from headrace.core.event import Ref
from headrace.sandbox.common.faults import Kind
from headrace.testing.harness import Harness, SourceHarness, TargetHarness, source_of, target_of
from headrace.testing.samples import retry_after
from headrace.testing.serving import closed_address, receiver
from headrace.testing.suites.base import Suite

WRONG = "canary-of-a-wrong-credential-4b1d"


class _Said:
    """Collects every text that a connector gives away while it is driven into errors."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def value(self, value: object) -> None:
        self.texts += [repr(value), str(value)]

    def connection(self, connection: Connection) -> None:
        for each in (connection, *vars(connection).values()):
            self.value(each)
            parts = vars(each).values() if hasattr(each, "__dict__") else ()
            self.texts += [repr(part) for part in parts if not isinstance(part, str)]

    async def failing(self, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except (HeadraceError, AlreadyThere) as error:
            self.value(error)
            self.texts += [repr(vars(error)), *traceback.format_exception(error)]
        else:
            raise AssertionError("this call was to fail")

    def logged(self, caplog: pytest.LogCaptureFixture) -> None:
        self.texts.append(caplog.text)
        self.texts += [repr(vars(record)) for record in caplog.records]

    def metrics(self) -> None:
        self.texts.append(generate_latest().decode())


def _hold_no(secrets: list[str], said: _Said) -> None:
    assert secrets
    assert said.texts
    for secret in secrets:
        assert len(secret) >= 8, "a canary must not be found by chance"
        found = [text for text in said.texts if secret in text]
        assert not found, f"a secret shows in: {found[0][:2000]}"


async def _driven(harness: Harness, call: Callable[[Connection], Awaitable[object]]) -> tuple[_Said, Connection]:
    """Let a call fail in every way that has a text of its own."""
    said = _Said()
    wrong = harness.connect(credential=WRONG)
    said.connection(wrong)
    await said.failing(partial(call, wrong))
    for check in await wrong.ping():
        said.value(check)
    unreachable = harness.connect(address=closed_address())
    harness.sandbox.faults.clear()
    faults: list[dict[str, Any]] = [
        {"kind": "status", "status": 401},
        {"kind": "status", "status": 403},
        {"kind": "status", "status": 400, "body": {"error": {"message": "refused"}}},
        {"kind": "status", "status": 503, "headers": retry_after("seconds", 600)},
    ]
    for fault in faults:
        harness.fault(times=None, **fault)
        await said.failing(partial(call, harness.connect()))
        harness.sandbox.faults.clear()
    good = harness.connect()
    await good.ping()
    said.connection(good)
    await said.failing(partial(call, unreachable))
    said.connection(unreachable)
    return said, good


class SourceSecrets(Suite):
    """Secrets of a connection that is read from."""

    async def test_secrets_stay_secret_in_reading(
        self, harness: SourceHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Failing reads, refused deliveries, `ping`, logs at DEBUG and metrics hold no secret."""
        caplog.set_level(logging.DEBUG)
        ref = Ref(harness.source_object, await harness.make("Contoso"))
        said, good = await _driven(harness, lambda connection: source_of(connection).fetch(ref))
        said.logged(caplog)
        async with receiver() as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            await harness.make("Delivered")
            (genuine, *_) = await hook.received(1)
        caplog.clear()  # of what the sandbox's own client logged
        for request in harness.forged(genuine):
            with pytest.raises(DeliveryRefused) as caught:
                source_of(good).verify(request)
            said.value(caught.value)
        said.logged(caplog)
        said.metrics()
        _hold_no([WRONG, *await harness.secrets(good)], said)


class TargetSecrets(Suite):
    """Secrets of a connection that is written to."""

    async def test_secrets_stay_secret_in_writing(
        self, harness: TargetHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Failing changes, unknown outcomes, `ping`, logs at DEBUG, metrics and the ledger hold no secret."""
        caplog.set_level(logging.DEBUG)
        create = harness.create("Contoso", "HR-SECRET")
        said, good = await _driven(harness, lambda connection: target_of(connection).apply(create))
        kinds: tuple[Kind, ...] = ("drop_request", "drop_reply", "drop_mid_body")
        for kind in kinds:
            harness.fault(kind, "POST")
            await said.failing(lambda: target_of(good).apply(create))
        said.logged(caplog)
        said.metrics()
        said.texts += [repr(entry) for entry in (*harness.ledger(harness.target_object), *harness.requests())]
        _hold_no([WRONG, *await harness.secrets(good)], said)
