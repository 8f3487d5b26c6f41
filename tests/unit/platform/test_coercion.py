from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from headrace.core.errors import RejectRecord
from headrace.platform.coercion import coerce, parse

MONEY = {
    "type": "record",
    "name": "Money",
    "namespace": "x",
    "fields": [
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 28, "scale": 8}},
        {"name": "currency", "type": "string"},
    ],
}
SCHEMA = {
    "type": "record",
    "name": "Order",
    "namespace": "x",
    "fields": [
        {"name": "on", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "total", "type": ["null", MONEY]},
        {"name": "lines", "type": {"type": "array", "items": ["null", "x.Money"]}},
        {"name": "open", "type": "boolean"},
        {"name": "count", "type": "int"},
    ],
}


def test_text_and_numbers_become_what_the_schema_wants():
    given = parse(
        '{"on": "2026-03-02", "at": "2026-03-02T12:00:00", "open": true,"lines": [{"amount": 0.10, "currency": "EUR"}]}'
    )
    assert coerce(SCHEMA, given) == {
        "on": date(2026, 3, 2),
        "at": datetime(2026, 3, 2, 12, tzinfo=UTC),
        "lines": [{"amount": Decimal("0.10"), "currency": "EUR"}],
        "open": True,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"totl": null}', "has no field totl"),
        ('{"total": {"amount": "ten"}}', "total.amount must be a decimal"),
        ('{"on": "2.3.2026"}', "on must be a date"),
        ('{"lines": {}}', "lines must be a list"),
        ('{"lines": [{"amount": true}]}', r"lines\[0\].amount must be a decimal"),
        ('{"open": "yes"}', "open must be a boolean"),
        ('{"count": 1.5}', "count must be a int"),
        ("[]", "must be an object"),
        ("{", "not JSON"),
    ],
)
def test_what_does_not_fit_is_named(text, words):
    with pytest.raises(RejectRecord, match=words):
        coerce(SCHEMA, parse(text))
