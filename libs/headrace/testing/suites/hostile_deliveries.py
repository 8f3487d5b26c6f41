"""Webhooks that somebody made up: each is refused with a status, or names a record that can be kept and read."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts import Source, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord
from headrace.core.event import Ref
from headrace.testing.harness import Harness, SourceHarness
from headrace.testing.hostile import anything, bounded, mutated, texts, tried, wire
from headrace.testing.samples import GARBAGE
from headrace.testing.suites.base import Suite
from headrace.testing.suites.deliveries import delivered

SECONDS = 1.0
"""CPU that one delivery may take, on any machine: a hundred times what it does take."""

_headers = st.one_of(
    st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30),
    st.sampled_from(
        ["Basic", "Basic ", "Basic Og==", "Basic é", "basic ====", "Bearer x", "\xb2", "Basic " + "A" * 9999]
    ),
)

_parameters = texts.map(lambda text: text.encode("utf-8", "replace").decode())
"""As a query string is decoded: never half a surrogate pair."""


class HostileDeliveries(Suite):
    """`Source.verify`, `notice` and `decode` of whatever anybody sends."""

    async def test_made_up_delivery_is_refused_or_understood(self, harness: SourceHarness) -> None:
        """A genuine delivery with parts exchanged is refused as one that is none, or names its record as text."""
        _, genuine = await _genuine(harness)
        source = harness.source()

        @tried(600)
        @given(body=st.one_of(mutated(genuine.body), anything.map(wire), st.binary(max_size=60)))
        def each(body: bytes) -> None:
            _taken_in(harness, source, replace(genuine, body=body))

        each()
        for body in GARBAGE.values():
            _taken_in(harness, source, replace(genuine, body=body))

    async def test_made_up_credentials_are_refused(self, harness: SourceHarness) -> None:
        """Whatever stands in headers and query, a sender without the credentials is refused, and nothing crashes."""
        _, genuine = await _genuine(harness)
        source = harness.source()
        names = st.sampled_from([*genuine.headers, "authorization", "x-headrace-signature", "content-type"])

        @tried(600)
        @given(
            st.dictionaries(names, _headers), st.dictionaries(st.sampled_from([*genuine.query, "code"]), _parameters)
        )
        def each(headers: dict[str, str], query: dict[str, str]) -> None:
            try:
                with bounded(SECONDS):
                    source.verify(WebhookRequest(headers, genuine.body, query))
            except DeliveryRefused as refused:
                _well_refused(harness, refused)
            else:
                raise AssertionError("a stranger is believed")

        each()

    async def test_stored_delivery_is_decoded_or_rejected(self, harness: SourceHarness) -> None:
        """Whatever bytes a delivery was stored with, decoding them gives a record, nothing, or a reason to park."""
        made, genuine = await _genuine(harness)
        source = harness.source()

        @tried(600)
        @given(st.one_of(mutated(genuine.body), anything.map(wire), st.binary(max_size=60)))
        def each(body: bytes) -> None:
            _decoded(harness, source, Ref(harness.source_object, made), body)

        each()
        for body in GARBAGE.values():
            _decoded(harness, source, Ref(harness.source_object, made), body)


async def _genuine(harness: SourceHarness) -> tuple[str, WebhookRequest]:
    """Return a record's id and its delivery; of a system that sends none, what somebody might send in its name."""
    if harness.sandbox.deliveries is None:
        return harness.absent_record, WebhookRequest({"content-type": "application/json"}, b'{"id": 1}')
    made, (request, *_) = await delivered(harness)
    return made, request


def _taken_in(harness: Harness, source: Source, request: WebhookRequest) -> None:
    try:
        with bounded(SECONDS):
            notice = source.notice(request)
    except DeliveryRefused as refused:
        _well_refused(harness, refused)
        return
    assert 200 <= notice.status < 300
    if notice.ref is not None:
        _decoded(harness, source, notice.ref, request.body)


def _decoded(harness: Harness, source: Source, ref: Ref, body: bytes) -> None:
    try:
        with bounded(SECONDS):
            record = source.decode(ref, body)
    except RejectRecord as error:
        _tells_nothing(harness, error)
    else:
        assert record is None or record.ref == ref


def _well_refused(harness: Harness, refused: DeliveryRefused) -> None:
    assert 400 <= refused.status < 500
    _tells_nothing(harness, refused)


def _tells_nothing(harness: Harness, error: Exception) -> None:
    assert not [secret for secret in harness.canaries if secret in f"{error!s} {error!r} {vars(error)!r}"]
