"""Steps that depend on each other, records that take no more, and records that tell of another thing."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.contracts import Record
from headrace.core.event import Ref
from headrace.mapping import Mapped, Plan, map_in, map_out
from headrace.mapping.contradictions import contradictions
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.loading import parse
from tests.unit.mapping.cases_support import In, Out, event, out_mapping

LINE = {
    "step": "line",
    "object": "PaymentLines",
    "marker": ["PaymentId"],
    "create": {"field": "status", "equals": "settled"},
    "fields": {"PaymentId": {"copy": "number"}},
}
ALLOCATION = {
    "step": "allocation",
    "object": "Settled",
    "after": "line",
    "each": "settlements",
    "id": {"copy": "settlement_id"},
    "marker": ["LineNumber", "InvoiceNumber"],
    "fields": {"LineNumber": {"from_step": "line", "field": "LineNumber"}, "InvoiceNumber": {"copy": "invoice_number"}},
}
REVERSAL = {
    "step": "reversal",
    "object": "PaymentLines",
    "after": "line",
    "where": {"field": "status", "equals": "void"},
    "marker": ["PaymentId"],
    "fields": {
        "PaymentId": {"join": [{"copy": "number"}, {"const": "-V"}]},
        "Journal": {"link": {"to": "void_batch", "object": "Journals"}},
    },
}
SETTLED = {"number": "7", "status": "settled", "settlements": [{"settlement_id": "1", "invoice_number": "A-9"}]}
VOID = {**SETTLED, "status": "void", "void_batch": {"entity": "payment_batch", "canonical_id": "b-1", "name": "B"}}


def payment() -> OutMapping:
    return out_mapping([LINE, ALLOCATION, REVERSAL])


def steps(data: dict[str, Any], done: frozenset[str] = frozenset()) -> tuple[list[str], list[str]]:
    """Return the planned steps, and what they lack."""
    plan = map_out(payment(), event(data), Out(), {}, done)
    assert isinstance(plan, Plan)
    return [step.step for step in plan.steps], [missing.entity for missing in plan.missing]


@pytest.mark.parametrize(
    ("data", "done", "planned", "missing"),
    [
        (SETTLED, (), ["line", "allocation:1"], []),
        # Void before it was ever posted: nothing comes after a line that will not be there, and no journal is missed.
        (VOID, (), [], []),
        (VOID, ("line", "allocation:1"), ["line", "allocation:1", "reversal"], ["payment_batch"]),
    ],
)
def test_what_comes_after_a_step_is_planned_only_where_that_step_is_there(
    data: dict[str, Any], done: tuple[str, ...], planned: list[str], missing: list[str]
) -> None:
    assert steps(data, frozenset(done)) == (planned, missing)


def test_a_record_that_is_there_is_kept_up_to_date_whatever_the_condition_says() -> None:
    assert steps(VOID, frozenset({"line"}))[0][0] == "line"


def test_what_holds_of_an_open_record_is_part_of_its_mark() -> None:
    journal = {"step": "journal", "object": "Journals", "marker": ["Name"], "open": {"IsPosted": False}}
    plan = map_out(out_mapping([{**journal, "fields": {"Name": {"copy": "number"}}}]), event({"number": "B"}), Out())
    assert isinstance(plan, Plan)
    assert plan.steps[0].fields == {"Name": "B"}
    assert plan.steps[0].marker == {"Name": "B", "IsPosted": False}


def test_a_link_gives_what_is_known_of_its_record() -> None:
    link = {"link": {"to": "customer", "object": "Invoices", "fact": "due_on"}, "as": "date"}
    mapping = out_mapping([{"step": "s", "object": "Settled", "marker": ["D"], "fields": {"D": link}}])
    customer = {"entity": "vendor_invoice", "canonical_id": "c-1"}
    links: dict[tuple[str, str, str | None], str] = {("c-1", "Invoices", None): "id=1"}
    plan = map_out(mapping, event({"customer": customer}), Out(links, {("c-1", "due_on"): "2026-03-27"}))
    assert isinstance(plan, Plan)
    assert str(plan.steps[0].fields["D"]) == "2026-03-27"
    plan = map_out(mapping, event({"customer": customer}), Out(links))
    assert isinstance(plan, Plan)
    assert [missing.detail for missing in plan.missing] == ['vendor_invoice "c-1" has no due_on yet in Invoices']


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"after": "lines"}, 'there is no earlier step "lines"; did you mean "line"?'),
        ({"adopt": ["Amonut"]}, '"Amonut" is no field of this step'),
        ({"create": {"field": "status", "equals": "settled"}, "marker": []}, "missing; by it our own write is found"),
    ],
)
def test_contradictions_are_named(changes: dict[str, Any], words: str) -> None:
    assert any(words in text for _, text in contradictions(out_mapping([LINE, {**REVERSAL, **changes}])))


BATCH = """
direction: in
system: avidxchange
object: payment
entity: payment_batch
identity: payment-batch
version: 1
id: {key: {LegalEntity: {copy: LegalEntity}, day: {copy: ClearedDate}}}
fields:
  name: {copy: ClearedDate}
"""


def test_many_records_tell_of_one_thing() -> None:
    document = parse(BATCH, "payment.payment_batch.yaml")
    assert isinstance(document, InMapping)
    assert not document.program.of_record
    for number, cleared, told in (("1", "2026-03-09", "LegalEntity=usmf,day=2026-03-09"), ("2", None, None)):
        record = Record(Ref("payment", number), {"LegalEntity": "usmf", "ClearedDate": cleared})
        mapped = map_in(document, record, In())
        assert isinstance(mapped, Mapped)
        assert mapped.id == told
