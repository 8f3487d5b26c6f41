"""The state of an id survives its way to Kafka and back, with everything that it may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from headrace.core.outcome import Status
from headrace.core.ownership import Claim
from headrace.pipeline.state import SCHEMA, EffectState, Intent, Parked, Step, from_record, to_record
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def parked(source, **more):
    differences = {"phone": ["2", None], "price": [Decimal("1.50"), date(2026, 1, 2)]}
    given = Parked("review", "changed on both sides", "why", "topic", b"event", "e1", NOW, 2, NOW, "customer", "C2")
    return replace(given, differences=differences, source=source, **more)


def test_everything_that_a_state_may_hold_comes_back():
    codec = Codec.offline(Schemas(schemas_dir()))
    state = EffectState(
        entity="customer",
        status=Status.PARKED,
        event_id="e0",
        source_connection="crm",
        source_external_id="7",
        source_version="v1",
        topic="canonical.customer.v1",
        partition=3,
        offset=9,
        outcome="updated",
        claims={"crm": {"phone": Claim("abc", NOW)}, "erp/usmf": {"phone": Claim("", NOW, own=False)}},
        steps=(Step("record", "Customers", "T1", "v", "op", {"name": "Berg AS"}, {"name": "Berg"}),),
        intent=Intent("op", "record", "update", "Customers", "T1", {"a": 1}, {"b": None}, "e1", NOW, "w", 1, NOW),
        parked=parked("crm:7", forced=True),
        behind=(parked("shop:1"),),
    )

    again = from_record(codec.decode(codec.encode(SCHEMA, to_record(state, NOW)))[1])

    assert again == state
    assert again.without_parked("crm:7").parked == parked("shop:1")
    assert again.without_parked("crm:7").without_parked("shop:1").status is Status.SETTLED
