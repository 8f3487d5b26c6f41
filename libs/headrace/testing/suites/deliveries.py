"""Webhooks: who is believed, which record a delivery is about, and what repeats and disorder may not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.core.contracts import WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref
from headrace.testing.harness import SourceHarness
from headrace.testing.samples import GARBAGE
from headrace.testing.serving import receiver
from headrace.testing.suites.base import Suite
from headrace.testing.suites.values import at, fetched


class Deliveries(Suite):
    """`Source.verify`, `notice` and `decode`, with deliveries that the sandbox really sends."""

    async def test_delivery_names_its_record(self, harness: SourceHarness) -> None:
        """A genuine delivery is believed and names the record; what it holds in full is that record."""
        made, (request, *_) = await delivered(harness)
        source = harness.source()
        source.verify(request)
        notice = source.notice(request)
        assert notice.ref == Ref(harness.source_object, made)
        assert notice.delivery_id
        record = source.decode(notice.ref, request.body)
        assert record is None or record.ref == notice.ref

    async def test_duplicate_delivery_keeps_its_id(self, harness: SourceHarness) -> None:
        """A delivery that the sender repeats, because it was not answered or by mistake, is known by its id."""
        harness.sandbox.settings.change({"retry_time_scale": 0.01})
        made, requests = await delivered(harness, statuses=(500,), duplicate=True)
        notices = [harness.source().notice(request) for request in requests]
        assert len(notices) >= 3
        assert {notice.ref for notice in notices} == {Ref(harness.source_object, made)}
        assert len({notice.delivery_id for notice in notices}) == 1

    async def test_out_of_order_deliveries_lead_to_the_present_state(self, harness: SourceHarness) -> None:
        """Deliveries of one record come in any order: each is one of its own, and reading gives the newest state."""
        assert harness.sandbox.deliveries is not None
        made = await harness.make("As made")
        source = harness.source()
        async with receiver() as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            harness.sandbox.deliveries.turn({"reorder_next": 2})
            await harness.change(made, "First")
            harness.sandbox.clock.advance(2)
            await harness.change(made, "Second")
            notices = []
            for request in await hook.received(2):
                source.verify(request)
                notices.append(source.notice(request))
                record = await fetched(source, harness.source_object, made)
                assert at(record, harness.source_text) == "Second"
        assert [notice.ref for notice in notices] == [Ref(harness.source_object, made)] * 2
        assert len({notice.delivery_id for notice in notices}) == 2

    async def test_forged_delivery_is_refused(self, harness: SourceHarness) -> None:
        """Without the right credentials or signature on these very bytes nothing is taken in."""
        _, (genuine, *_) = await delivered(harness)
        source = harness.source()
        source.verify(genuine)
        forged = harness.forged(genuine)
        assert forged
        bare = replace(genuine, headers={"content-type": "application/json"}, query={})
        for request in (*forged, bare, WebhookRequest({}, b"")):
            with pytest.raises(DeliveryRefused) as caught:
                source.verify(request)
            assert caught.value.status == 401, request

    @pytest.mark.parametrize("content_type", ["text/html", "application/x-www-form-urlencoded", "multipart/form-data"])
    async def test_wrong_content_type_is_refused(self, harness: SourceHarness, content_type: str) -> None:
        """A body of another type than the system sends is answered with 415."""
        _, (genuine, *_) = await delivered(harness)
        with pytest.raises(DeliveryRefused) as caught:
            harness.source().verify(replace(genuine, headers={**genuine.headers, "content-type": content_type}))
        assert caught.value.status == 415

    async def test_garbage_body_is_refused(self, harness: SourceHarness) -> None:
        """A body that is no delivery is answered with 400, whatever it is made of."""
        _, (genuine, *_) = await delivered(harness)
        source = harness.source()
        for name, body in GARBAGE.items():
            with pytest.raises(DeliveryRefused) as caught:
                source.notice(replace(genuine, body=body))
            assert caught.value.status == 400, name


async def delivered(
    harness: SourceHarness, statuses: tuple[int, ...] = (), *, duplicate: bool = False
) -> tuple[str, list[WebhookRequest]]:
    """Make a record whose creation is delivered; return its id and every request, repeats included."""
    assert harness.sandbox.deliveries is not None
    async with receiver() as hook:
        await harness.subscribe(hook.url)
        hook.requests.clear()  # what the sender may say to a new endpoint
        hook.statuses += statuses
        harness.sandbox.deliveries.turn({"duplicate_next": int(duplicate)})
        made = await harness.make("Delivered")
        await hook.received(1 + len(statuses) + duplicate)
        return made, hook.requests
