"""Whatever a source or an event holds, a mapping gives a result or one of the named errors; loading likewise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.currencies import currency_digits
from headrace.core.errors import ConfigurationError, RejectRecord
from headrace.core.event import Change
from headrace.mapping import InMapping, Mapped, OutMapping, Plan, Skipped, load, map_in, map_out, parse
from headrace.mapping.values import to_money
from tests.unit.mapping.cases_support import DOCUMENTS, In, Out, cases, event, in_mapping, record

DEAL, ORDER = load(DOCUMENTS / "deal_order.in.yaml"), load(DOCUMENTS / "sales_order.out.yaml")
VERBS = [
    in_mapping(fields={"result": case["expression"]}, tables={"terms": {"30": "NET30", "NO": "none"}})
    for case in cases("verbs")
]
SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(),
    st.text(max_size=8),
    st.sampled_from(
        ["2026-01-01", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1e99", "-0", "won", "EUR", "30"]
    ),
    st.dates(),
    st.datetimes(timezones=st.one_of(st.none(), st.just(UTC))),
)
ANY = st.recursive(
    SINGLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "id", "value"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives, or the named error that it raises; any other error fails the test."""
    try:
        return call()
    except (RejectRecord, ConfigurationError) as error:
        return error


def like(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, values))


LINE = ["id", "product_id", "quantity", "item_price", "discount", "discount_type", "tax", "is_enabled", "product_code"]
DEALS = st.builds(
    lambda data, status: {**data, "status": status},
    like(
        [
            "id",
            "title",
            "value",
            "currency",
            "org_id",
            "org_name",
            "won_time",
            "expected_close_date",
            "custom",
            "products",
        ],
        ANY | st.lists(like(LINE, ANY), max_size=3) | like(["VAT number", "Department", "Payment days"], ANY),
    ),
    st.sampled_from(["won", "won", "open", None]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=DEALS, deleted=st.booleans())
def test_in_never_crashes(data: dict[str, Any], deleted: bool) -> None:
    assert isinstance(DEAL, InMapping)
    result = outcome(lambda: map_in(DEAL, record(data, deleted=deleted), In()))
    assert isinstance(result, Mapped | Skipped | RejectRecord)
    if isinstance(result, RejectRecord):
        assert len(result.detail) > len(result.reason)
    if isinstance(result, Mapped):
        assert result.asserted == tuple(result.data)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(document=st.sampled_from(VERBS), data=st.dictionaries(st.sampled_from("abcln"), ANY, max_size=5))
def test_no_verb_crashes(document: InMapping, data: dict[str, Any]) -> None:
    result = outcome(lambda: map_in(document, record(data), In(), {"shout": lambda word: word}))
    assert isinstance(result, Mapped | RejectRecord)


REFERENCES = like(["entity", "canonical_id", "name", "number"], SINGLE)
ORDERS = like(
    ["reference", "title", "customer", "currency", "requested_shipping_on", "dimensions", "lines"],
    ANY
    | REFERENCES
    | st.lists(
        st.builds(lambda line, product: {**line, "product": product}, like(["line_id", "quantity"], ANY), REFERENCES)
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=ORDERS, change=st.sampled_from(Change), asserted=st.sets(st.sampled_from(["title", "lines", "customer"])))
def test_out_never_crashes(data: dict[str, Any], change: Change, asserted: set[str]) -> None:
    assert isinstance(ORDER, OutMapping)
    whole = event({**data, "status": "confirmed"}, asserted=tuple(asserted), change=change)
    plan = outcome(lambda: map_out(ORDER, whole, Out(), {"dimension_display_value": lambda values: None}))
    assert isinstance(plan, Plan | RejectRecord)
    if isinstance(plan, RejectRecord):
        assert len(plan.detail) > len(plan.reason)
        return
    assert len({step.step for step in plan.steps}) == len(plan.steps)
    for step in plan.steps:
        written = {*step.fields, *(name for missing in plan.missing for key in missing.by for name in key)}
        assert set(step.marker) <= written


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("abc:{}[]&*!-'\"#|>?,\n\t 0é"), max_size=60))
def test_loading_never_crashes(text: str) -> None:
    result = outcome(lambda: parse(text))
    assert isinstance(result, ConfigurationError)  # no text of these characters is a whole mapping
    assert result.problems


@settings(max_examples=200, deadline=None)
@given(
    data=st.recursive(
        SINGLE | st.sampled_from(["copy", "const"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["copy", "const", "first", "each", "fields", "cases", "when", "as"]), inner
            )
        ),
    )
)
def test_a_document_of_anything_is_refused_in_words(data: Any) -> None:
    fields = {"x": data}
    text = json.dumps(
        {"direction": "in", "system": "s", "object": "o", "entity": "e", "version": 1, "fields": fields},
        default=str,
        ensure_ascii=False,
    )
    result = outcome(lambda: parse(text))
    assert isinstance(result, InMapping | ConfigurationError)
    if isinstance(result, ConfigurationError):
        assert all(re.match(r"<mapping>:\d+: ", problem) for problem in result.problems)


@given(
    amount=st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
    digits=st.one_of(st.none(), st.integers(0, 8)),
)
def test_money_is_exact_or_refused(amount: Decimal, currency: str, digits: int | None) -> None:
    try:
        money = to_money(amount, currency, digits)
    except ValueError:
        assert digits is None
        assert amount != round(amount, currency_digits(currency))
        return
    if digits is None:
        assert money["amount"] == amount
    else:
        assert abs(money["amount"] - amount) <= Decimal(1).scaleb(-digits) / 2
