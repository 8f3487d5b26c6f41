"""What a source makes of failures: reads are repeated where that helps, and stop where a human must act."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.errors import HeadraceError, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.testing.harness import SourceHarness
from headrace.testing.samples import retry_after
from headrace.testing.serving import receiver
from headrace.testing.suites.base import Suite
from headrace.testing.suites.values import fetched, ids_of, polled

HTML = {"content-type": "text/html"}
FORMS = ("seconds", "date")


class FailingReads(Suite):
    """`Source.fetch` and `Source.changes` under faults."""

    async def test_token_that_ends_between_pages_is_renewed_once(self, harness: SourceHarness) -> None:
        """A 401 in the middle of a poll leads to one new token, and the poll goes on where it was."""
        made = [await harness.make(f"Record {number}") for number in range(5)]
        pages, before = [], 0
        async for page in harness.source(page_size=2).changes(harness.source_object, {}):
            pages.append(page)
            if len(pages) == 1:
                before = harness.sign_ins()
                harness.expire_tokens()
        assert sorted(ids_of(pages)) == sorted(made)
        assert before > 0
        assert harness.sign_ins() == before + 1

    async def test_permanent_401_stops_the_connection(self, harness: SourceHarness) -> None:
        """A credential that is not taken stops the connection after at most one more try."""
        harness.fault("status", status=401, times=None)
        with pytest.raises(StopConnection) as caught:
            await harness.source().fetch(Ref(harness.source_object, harness.absent_record))
        assert caught.value.remedy
        assert 1 <= len(harness.requests()) <= 2
        with pytest.raises(StopConnection):
            await polled(harness.source(), harness.source_object)

    async def test_401_in_the_middle_of_a_poll_loses_nothing(self, harness: SourceHarness) -> None:
        """The pages before it are good, and the last cursor leads to the rest once the credential is mended."""
        made = {await harness.make(f"Record {number}") for number in range(5)}
        source = harness.source(page_size=2)
        pages = source.changes(harness.source_object, {})
        first = await anext(pages)
        harness.fault("status", status=401, times=None)
        with pytest.raises(StopConnection):
            await anext(pages)
        harness.sandbox.faults.clear()
        rest = await polled(source, harness.source_object, first.cursor)
        assert {*ids_of([first]), *ids_of(rest)} == made

    @pytest.mark.parametrize("form", FORMS)
    async def test_429_is_waited_out(self, harness: SourceHarness, form: str) -> None:
        """A short `Retry-After`, in either form, is waited for here."""
        made = await harness.make("Contoso")
        harness.fault("status", "GET", status=429, headers=retry_after(form, 1))
        assert await fetched(harness.source(), harness.source_object, made)

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize("form", FORMS)
    async def test_long_retry_after_is_for_later(self, harness: SourceHarness, form: str, status: int) -> None:
        """A long `Retry-After`, in either form, is given to the caller, who has other work meanwhile."""
        harness.fault("status", status=status, headers=retry_after(form, 600), times=None)
        with pytest.raises(RetryLater) as caught:
            await harness.source().fetch(Ref(harness.source_object, harness.absent_record))
        assert caught.value.after == pytest.approx(600, abs=5)
        assert len(harness.requests()) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "status", "status": 503},
            {"kind": "drop_request"},
            {"kind": "drop_reply"},
            {"kind": "drop_mid_body"},
        ],
        ids=lambda fault: fault["kind"],
    )
    async def test_passing_failure_is_read_again(self, harness: SourceHarness, fault: dict[str, Any]) -> None:
        """Lost and cut answers of reads cost a repeat and nothing else."""
        made = await harness.make("Contoso")
        harness.fault(method="GET", **fault)
        assert await fetched(harness.source(), harness.source_object, made)

    async def test_answer_that_is_none_is_for_later(self, harness: SourceHarness) -> None:
        """A page of a proxy with status 200 is no record and no "not found"."""
        harness.fault("status", "GET", status=200, body="<html>Please sign in</html>", headers=HTML, times=None)
        with pytest.raises(RetryLater):
            await harness.source().fetch(Ref(harness.source_object, harness.absent_record))
        with pytest.raises(RetryLater):
            await polled(harness.source(), harness.source_object)

    async def test_silence_ends(self, harness: SourceHarness) -> None:
        """A server that never answers is given up at the deadline, and the read is tried again."""
        made = await harness.make("Contoso")
        harness.fault("hang", "GET")
        assert await fetched(harness.source(deadline=0.3), harness.source_object, made)

    async def test_foreign_link_is_refused(self, harness: SourceHarness) -> None:
        """A page that points at another host is not followed: credentials would go there."""
        async with receiver() as stranger:
            body = dict(harness.foreign_page(stranger.url))
            harness.fault("status", "GET", status=200, body=body, times=None)
            with pytest.raises(HeadraceError):
                await polled(harness.source(), harness.source_object)
            assert stranger.requests == []

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_redirect_is_not_followed(self, harness: SourceHarness, status: int) -> None:
        """A redirect to another host is an error: credentials would go there."""
        async with receiver() as stranger:
            harness.fault("status", status=status, headers={"Location": stranger.url}, times=None)
            with pytest.raises(HeadraceError):
                await harness.source().fetch(Ref(harness.source_object, harness.absent_record))
            assert stranger.requests == []
