"""Changes whose fate is unknown: they are told as such, never repeated blindly, and found again (I4, I12)."""

from __future__ import annotations

import asyncio

import pytest

from headrace.core.errors import HeadraceError, OutcomeUnknown, RetryLater
from headrace.sandbox.common.faults import Kind
from headrace.testing.harness import TargetHarness
from headrace.testing.serving import receiver
from headrace.testing.suites.base import Suite
from headrace.testing.suites.failing_reads import HTML
from headrace.testing.waiting import eventually


class UnknownOutcomes(Suite):
    """`Target.apply` when the answer is lost, cut, late or nonsense."""

    @pytest.mark.parametrize("kind", ["drop_reply", "drop_mid_body"])
    async def test_lost_reply_is_unknown_and_found_once(self, harness: TargetHarness, kind: Kind) -> None:
        """The change was made and nobody heard: unknown, and then exactly one is found."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        harness.fault(kind, "POST")
        with pytest.raises(OutcomeUnknown):
            await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert found.matches == 1
        assert len(harness.ledger(harness.target_object)) == 1

    async def test_lost_reply_of_an_update(self, harness: TargetHarness) -> None:
        """As with a create; the record then shows what was written."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        harness.fault("drop_reply", "PATCH")
        update = harness.update(written.target_id, **{harness.target_text: "Renamed"})
        with pytest.raises(OutcomeUnknown):
            await target.apply(update)
        found = await target.find(update)
        assert found is not None
        assert found.record[harness.target_text] == "Renamed"
        assert len(harness.ledger(harness.target_object, "update")) == 1

    async def test_lost_reply_of_a_delete(self, harness: TargetHarness) -> None:
        """As with a create; deleting again is safe."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        delete = harness.delete(written.target_id)
        harness.fault("drop_reply", "DELETE")
        with pytest.raises(OutcomeUnknown):
            await target.apply(delete)
        assert await target.find(delete) is None
        await target.apply(delete)
        assert len(harness.ledger(harness.target_object, "delete")) == 1

    async def test_dropped_request_is_not_repeated_here(self, harness: TargetHarness) -> None:
        """The request never arrived, which the client cannot know: unknown or for later, and nothing is found."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        harness.fault("drop_request", "POST")
        with pytest.raises((OutcomeUnknown, RetryLater)):
            await target.apply(create)
        assert harness.ledger(harness.target_object) == []
        assert len(harness.requests("POST")) == 1
        assert await target.find(create) is None

    async def test_silence_until_the_deadline_is_unknown(self, harness: TargetHarness) -> None:
        """A server that takes the change and never answers is given up at the deadline."""
        target = harness.target(deadline=0.3)
        create = harness.create("Contoso", "HR-1")
        harness.fault("hang", "POST")
        async with asyncio.timeout(5):
            with pytest.raises(OutcomeUnknown):
                await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert found.matches == 1

    async def test_cancelled_change_stays_a_cancel(self, harness: TargetHarness) -> None:
        """A worker that stops is not held up by a call in flight, and the connection works on afterwards."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        harness.fault("hang", "POST")
        task = asyncio.create_task(target.apply(create))
        await eventually(lambda: bool(harness.ledger(harness.target_object)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await target.find(create) is not None

    @pytest.mark.parametrize("handle", [True, False], ids=["made", "not made"])
    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_server_error_without_words_is_unknown(
        self, harness: TargetHarness, status: int, handle: bool
    ) -> None:
        """A gateway's error says nothing about the change behind it: it may have been made, and is not repeated."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        harness.fault("status", "POST", status=status, body="<html>bad gateway</html>", headers=HTML, handle=handle)
        with pytest.raises(OutcomeUnknown):
            await target.apply(create)
        assert len(harness.requests("POST")) == 1
        found = await target.find(create)
        assert (found is not None) == handle

    async def test_answer_that_is_none_is_unknown(self, harness: TargetHarness) -> None:
        """A page of a proxy with status 200 confirms nothing."""
        harness.fault("status", "POST", status=200, body="<html>Please sign in</html>", headers=HTML)
        with pytest.raises(OutcomeUnknown):
            await harness.target().apply(harness.create("Contoso", "HR-1"))

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_redirect_of_a_change_is_not_followed(self, harness: TargetHarness, status: int) -> None:
        """A change is never sent to another address than the configured one, nor told as made."""
        async with receiver() as stranger:
            harness.fault("status", "POST", status=status, headers={"Location": stranger.url})
            with pytest.raises(HeadraceError):
                await harness.target().apply(harness.create("Contoso", "HR-1"))
            assert stranger.requests == []
