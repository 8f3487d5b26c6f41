"""Documents whose parts depend on each other: journals that are full, invoices that are there already, reversals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from headrace.core.contracts import AlreadyThere
from headrace.core.errors import Full, RejectRecord
from headrace.core.event import Change
from headrace.core.ids import mint_canonical_id
from headrace.core.outcome import Outcome
from headrace.pipeline.links import Link

from .bench import Bench, event
from .doubles import LedgerTarget

BATCH = """
direction: out
system: test
entity: payment_batch
version: 1
on_change: ignore
steps:
  - step: journal
    object: Journals
    marker: [name]
    open: {posted: false}
    fields:
      name: {copy: name}
"""
PAYMENT = """
direction: out
system: test
entity: vendor_payment
version: 1
steps:
  - step: line
    object: Lines
    create: {field: status, equals: settled}
    marker: [payment]
    fields:
      payment: {copy: number}
      journal: {link: {to: batch, object: Journals}}
      amount: {copy: amount.amount}
  - step: reversal
    object: Lines
    after: line
    where: {field: status, equals: void}
    marker: [payment]
    fields:
      payment: {join: [{copy: number}, {const: V}], with: "-"}
      journal: {link: {to: void_batch, object: Journals}}
      amount: {copy: amount.amount}
"""
INVOICE = """
direction: out
system: test
entity: vendor_invoice
version: 1
steps:
  - step: header
    object: Invoices
    marker: [reference]
    match: [[vendor, number]]
    adopt: [total]
    fields:
      reference: {copy: source_number}
      vendor: {copy: our_account_number}
      number: {copy: number}
      total: {copy: total.amount}
  - step: line
    each: lines
    id: {copy: line_id}
    object: InvoiceLines
    marker: [invoice, line]
    fields:
      invoice: {from_step: header, field: id}
      line: {copy: line_id}
      amount: {copy: amount}
"""
DAY, VOIDED = "batch-2026-03-09", "batch-2026-03-12"


class Journals(LedgerTarget):
    """Journals that somebody posts; a line is refused in one that is posted."""

    def __init__(self):
        super().__init__()
        self.under_way, self.most = 0, 0

    async def find(self, operation):
        if operation.object == "Journals":
            for record in self.records.values():
                if "journal" not in record:
                    record.setdefault("posted", False)
        return await super().find(operation)

    def serial(self, operation):
        return str(operation.fields.get("journal", ""))

    async def apply(self, operation):
        journal = operation.fields.get("journal")
        if journal is not None and self.records.get(journal, {"posted": True}).get("posted"):
            raise Full(f"journal {journal} is posted", journal)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        try:
            return await super().apply(operation)
        finally:
            self.under_way -= 1


@pytest.fixture
def bench():
    return Bench((BATCH, PAYMENT, INVOICE), target=Journals())


def reference(entity, name):
    canonical_id = mint_canonical_id("crm", entity, name)
    return {"entity": entity, "connection": "crm", "object": entity, "external_id": name, "canonical_id": canonical_id}


def batch(name=DAY, number=1):
    return event("payment_batch", name, {"name": name}, number=number, obj="payment_batch")


def payment(number="77", status="settled", version=1, **more):
    amount = {"amount": Decimal("12.50"), "currency": "USD"}
    data = {"number": number, "status": status, "batch": reference("payment_batch", DAY), "amount": amount, **more}
    return event("vendor_payment", number, data, number=version, obj="payment")


def invoice(version=1, total="10.00", lines=2):
    items = [{"line_id": str(index), "amount": Decimal("5.00")} for index in range(1, lines + 1)]
    data = {"source_number": "AV-1", "our_account_number": "V1", "number": "A-9", "lines": items}
    data["total"] = {"amount": Decimal(total), "currency": "USD"}
    return event("vendor_invoice", "1", data, number=version, obj="invoice")


def there(bench, **fields):
    """Return the target's records that hold these fields."""
    return [record for record in bench.target.records.values() if fields.items() <= record.items()]


async def test_a_payment_waits_for_its_journal_and_one_journal_takes_all_of_its_batch(bench):
    await bench.feed(payment("1"), payment("2"))
    assert bench.state(payment("1")).parked.detail == f'payment_batch "{DAY}" is not in Journals'
    await bench.feed(batch(), batch(number=2))
    journals = there(bench, name=DAY)
    assert len(journals) == 1
    assert {record["journal"] for record in there(bench, amount=Decimal("12.50"))} == {"T1"}
    assert len(there(bench, journal="T1")) == 2


async def test_the_lines_of_a_journal_come_one_after_the_other(bench):
    await bench.feed(batch(), *(payment(str(number)) for number in range(20)))
    assert len(there(bench, journal="T1")) == 20
    assert bench.target.most == 1


async def test_a_journal_that_is_posted_gives_way_to_the_next(bench):
    await bench.feed(batch(), payment("1"))
    bench.target.records["T1"]["posted"] = True
    await bench.feed(batch(number=2), payment("2"))
    first, second = [name for name, record in bench.target.records.items() if record.get("name") == DAY]
    assert there(bench, payment="1")[0]["journal"] == first
    assert there(bench, payment="2")[0]["journal"] == second
    # And what is told of the first payment once more finds its line in the first.
    await bench.feed(payment("1", version=2, problem="x"))
    assert len(there(bench, payment="1")) == 1


async def test_a_payment_that_waited_until_its_journal_was_posted_has_another_made(bench):
    await bench.feed(batch())
    bench.target.records["T1"]["posted"] = True
    await bench.feed(payment("1"), payment("2"))
    parked = bench.state(payment("1")).parked
    assert (parked.reason, parked.wait_entity) == ("waiting", "payment_batch")
    assert parked.detail == "journal T1 is posted; another payment_batch takes its place"
    assert await bench.ordered() >= 2  # all but the first find that another was made by then
    journals = [name for name, record in bench.target.records.items() if record.get("name") == DAY]
    assert len(journals) == 2
    assert {record["journal"] for record in there(bench, amount=Decimal("12.50"))} == {journals[1]}
    assert bench.state(payment("2")).parked is None


async def test_a_batch_whose_own_event_was_parked_in_between_is_renewed_too(bench):
    bench.target.script = [RejectRecord("no journal name", "VendPay is not there")]
    await bench.feed(batch())
    await bench.command(batch().key, "retry")
    bench.target.records["T1"]["posted"] = True
    await bench.feed(payment("1"))
    await bench.ordered()
    assert len(there(bench, payment="1")) == 1


async def test_a_journal_that_was_deleted_is_made_anew_for_what_is_still_to_be_paid(bench):
    await bench.feed(batch())
    del bench.target.records["T1"]
    await bench.feed(payment("1"))
    await bench.ordered()
    assert [record["payment"] for record in there(bench, amount=Decimal("12.50"))] == ["1"]


async def test_a_payment_that_became_void_is_reversed_once_and_its_line_stays(bench):
    void = {"status": "void", "void_batch": reference("payment_batch", VOIDED)}
    await bench.feed(batch())
    await bench.feed(payment("1"))
    await bench.feed(payment("1", version=2, **void))
    assert bench.state(payment("1")).parked.detail == f'payment_batch "{VOIDED}" is not in Journals'
    await bench.feed(batch(VOIDED), payment("1", version=3, **void))
    assert [record["journal"] for record in there(bench, amount=Decimal("12.50"))] == ["T1", "T3"]
    assert bench.target.ledger.count(("create", "T2")) == 1
    assert len(there(bench, payment="1-V")) == 1


async def test_a_payment_that_was_void_before_it_was_settled_is_never_posted(bench):
    await bench.feed(batch(), payment("1", status="void", void_batch=reference("payment_batch", VOIDED)))
    state = bench.state(payment("1"))
    assert (state.outcome, state.parked, state.steps) == (Outcome.SKIPPED, None, ())
    assert bench.target.ledger == [("create", "T1")]


async def test_an_invoice_that_is_there_with_the_same_amount_is_taken_for_this_one(bench):
    bench.target.records["X1"] = {"vendor": "V1", "number": "A-9", "total": Decimal("10.00"), "lines": "their own"}
    await bench.feed(invoice(), invoice(2, lines=3))
    state = bench.state(invoice())
    assert bench.target.ledger == []
    assert [(step.step, step.target_id, step.foreign) for step in state.steps] == [("header", "X1", True)]
    assert ("match", "found") in bench.story()


async def test_an_invoice_that_is_there_with_another_amount_goes_to_a_human_with_both(bench):
    bench.target.records["X1"] = {"vendor": "V1", "number": "A-9", "total": Decimal("11.00")}
    await bench.feed(invoice())
    parked = bench.state(invoice()).parked
    assert parked.reason == "review"
    assert "total: 10 or 11.00" in parked.detail
    assert parked.differences == {"total": (Decimal("10"), Decimal("11.00"))}
    assert bench.target.ledger == []


async def test_a_duplicate_that_the_target_reports_is_looked_for_by_its_number(bench):
    class Quicker(Journals):
        async def apply(self, operation):
            self.records["X1"] = {"vendor": "V1", "number": "A-9", "total": Decimal("10.00")}
            raise AlreadyThere("Invoice A-9 has been used")

    bench = Bench((INVOICE,), target=Quicker())
    await bench.feed(invoice())
    state = bench.state(invoice())
    assert (state.parked, state.intent, state.outcome) == (None, None, Outcome.ADOPTED)
    assert state.is_foreign
    assert bench.target.ledger == []


async def test_what_changes_in_somebody_elses_document_is_shown_and_never_written(bench):
    bench.target.records["X1"] = {"vendor": "V1", "number": "A-9", "total": Decimal("10.00")}
    await bench.feed(invoice(), invoice(2, total="12.00"))
    assert bench.state(invoice()).parked.label == "changed after it was written"
    assert bench.target.ledger == []


async def test_what_the_target_took_and_did_not_keep_is_shown_and_not_written_twice(bench):
    real = bench.target.apply

    async def forgetful(operation):
        written = await real(operation)
        lost = {"amount": (operation.fields["amount"], None)} if operation.step == "line:1" else {}
        return replace(written, lost=lost)

    bench.target.apply = forgetful
    await bench.feed(invoice())
    parked = bench.state(invoice()).parked
    assert (parked.reason, parked.label) == ("review", "not kept by the target")
    assert "amount: nothing instead of 5" in parked.detail
    assert [step.step for step in bench.state(invoice()).steps] == ["header", "line:1"]
    # Neither trying again nor a newer event forgets it, until somebody has corrected it.
    await bench.command(invoice().key, "retry")
    await bench.feed(invoice(2))
    assert bench.state(invoice()).parked.label == "not kept by the target"
    bench.target.apply = real
    await bench.command(invoice().key, "retry")
    assert bench.state(invoice()).parked is None
    assert [entry[0] for entry in bench.target.ledger if entry[0] == "create"] == ["create"] * 3


async def test_a_line_that_is_another_payments_is_not_taken_for_ours(bench):
    await bench.feed(batch())
    bench.target.records["X7"] = {"payment": "1", "journal": "T1", "amount": Decimal("999.00")}
    await bench.links.put(Link("erp", "Lines", "X7", "somebody-else", "vendor_payment", "written"))
    await bench.feed(payment("1"))
    assert bench.state(payment("1")).parked.label == "matched record belongs to another"
    assert bench.target.records["X7"]["amount"] == Decimal("999.00")


async def test_a_full_journal_of_reversals_renews_that_one_alone(bench):
    void = {"status": "void", "void_batch": reference("payment_batch", VOIDED)}
    await bench.feed(batch(), batch(VOIDED))
    await bench.feed(payment("1"))
    (reversals,) = [name for name, record in bench.target.records.items() if record.get("name") == VOIDED]
    bench.target.records[reversals]["posted"] = True
    await bench.feed(payment("1", version=2, **void))
    await bench.ordered()
    assert len(there(bench, name=DAY)) == 1
    assert len(there(bench, name=VOIDED)) == 2
    assert len(there(bench, payment="1-V")) == 1


async def test_somebody_elses_document_is_not_deleted_whatever_the_policy():
    bench = Bench((INVOICE.replace("version: 1", "version: 1\non_delete: delete"),), target=Journals())
    bench.target.records["X1"] = {"vendor": "V1", "number": "A-9", "total": Decimal("10.00")}
    await bench.feed(invoice())
    gone = invoice(2)
    await bench.feed(replace(gone, meta=replace(gone.meta, change=Change.DELETE, reason="deleted")))
    assert bench.state(invoice()).parked.reason == "review"
    assert "X1" in bench.target.records


async def test_a_document_of_our_own_that_was_cut_off_is_completed(bench):
    await bench.feed(invoice())
    state = bench.state(invoice())
    await bench.store.put(invoice().key, replace(state, steps=state.steps[:1], event_id="", offset=-1))
    await bench.feed(invoice(2))
    assert len(there(bench, invoice="T1")) == 2
    assert not bench.state(invoice()).is_foreign
