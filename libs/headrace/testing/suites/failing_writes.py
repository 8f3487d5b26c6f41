"""Changes that were certainly not made: refused for now, or until a human acts."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.errors import RetryLater, StopConnection
from headrace.testing.harness import TargetHarness
from headrace.testing.samples import retry_after
from headrace.testing.serving import closed_address
from headrace.testing.suites.base import Suite
from headrace.testing.suites.failing_reads import FORMS


class FailingWrites(Suite):
    """`Target.apply` and `Target.find` when the system says no."""

    async def test_change_after_the_token_ended_is_made_once(self, harness: TargetHarness) -> None:
        """A 401 was not processed: one new token, and the change goes through once."""
        target = harness.target()
        await target.apply(harness.create("Contoso", "HR-1"))
        before = harness.sign_ins()
        harness.expire_tokens()
        await target.apply(harness.create("Contoso", "HR-2"))
        assert before > 0
        assert harness.sign_ins() == before + 1
        assert len(harness.ledger(harness.target_object, "create")) == 2

    async def test_permanent_401_stops_the_connection(self, harness: TargetHarness) -> None:
        """A credential that is not taken stops the connection, for looking up as for changing."""
        harness.fault("status", status=401, times=None)
        create = harness.create("Contoso", "HR-1")
        with pytest.raises(StopConnection):
            await harness.target().apply(create)
        with pytest.raises(StopConnection) as caught:
            await harness.target().find(create)
        assert caught.value.remedy
        assert harness.ledger(harness.target_object) == []

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("seconds", [7, 600])
    async def test_429_tells_how_long_to_wait(self, harness: TargetHarness, form: str, seconds: int) -> None:
        """The change was not taken; when to come again is told, in either form of `Retry-After`."""
        harness.fault("status", "POST", status=429, headers=retry_after(form, seconds))
        with pytest.raises(RetryLater) as caught:
            await harness.target().apply(harness.create("Contoso", "HR-1"))
        assert caught.value.after == pytest.approx(seconds, abs=2)
        assert harness.ledger(harness.target_object) == []
        assert len(harness.requests("POST")) == 1

    async def test_429_without_a_time_is_for_later(self, harness: TargetHarness) -> None:
        """Without `Retry-After` the caller still learns a wait, or backs off by itself."""
        harness.fault("status", "POST", status=429)
        with pytest.raises(RetryLater) as caught:
            await harness.target().apply(harness.create("Contoso", "HR-1"))
        assert caught.value.after is None or 0 < caught.value.after <= 300
        assert harness.ledger(harness.target_object) == []

    async def test_unreachable_system_is_for_later(self, harness: TargetHarness) -> None:
        """Nothing listens there: certainly not sent, so the same change is safe later."""
        target = harness.target(address=closed_address())
        with pytest.raises(RetryLater):
            await target.apply(harness.create("Contoso", "HR-1"))

    async def test_look_up_waits_out_a_429(self, harness: TargetHarness) -> None:
        """VERIFY is a read: it is repeated here."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        await target.apply(create)
        harness.fault("status", "GET", status=429, headers=retry_after("seconds", 1))
        assert await target.find(create) is not None

    async def test_look_up_that_fails_is_no_missing_record(self, harness: TargetHarness) -> None:
        """Trouble in looking up is always an error: "not found" would lead to a second create (I12)."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        await target.apply(create)
        page = "<html>Please sign in</html>"
        faults: list[dict[str, Any]] = [{"status": 503}, {"status": 500}, {"status": 200, "body": page}]
        for fault in faults:
            harness.fault("status", "GET", headers=retry_after("seconds", 600), times=None, **fault)
            with pytest.raises(RetryLater):
                await target.find(create)
            harness.sandbox.faults.clear()
