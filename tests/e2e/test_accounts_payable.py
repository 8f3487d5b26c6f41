"""Accounts payable between F&O and AvidXchange, three companies, with the processor of F&O killed twice on the way.

Vendors and codes go to AvidXchange, approved invoices come back and are posted in F&O, settled payments become payment
journals. People do what they do: enter an invoice twice, reopen a batch, change a payment's method, void and reissue.
Only the two systems' own records and ledgers judge.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from headrace.cli.demo import payables_verdict as oracle
from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.payables import AP, SYSTEMS, PayablesDeployment
from headrace.cli.demo.payables_verdict import INVOICES, PAYMENTS
from headrace.platform.stack import StackInfo
from tests.e2e import payables_world as world
from tests.e2e.payables_story import Payables

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(600)]

KILLED = -signal.SIGKILL
DAY = timedelta(days=1).total_seconds()
SAME, OTHER, LATE = "USMF-HAND-SAME", "DEMF-HAND-OTHER", "GBSI-LATE"
CHANGED = "DEMF-0001"

Document = dict[str, Any]
Entered = dict[str, list[Document]]
"""Invoices or payments by legal entity."""


@pytest.fixture(scope="module")
def deployment(
    stack: StackInfo, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[PayablesDeployment]:
    made = PayablesDeployment(stack, tmp_path_factory.mktemp("payables"), "payables.")
    try:
        made.start_sandboxes()
        made.configure()
        with made.environ():
            asyncio.run(prepare_topics())
        yield made
    finally:
        made.stop()
        if request.session.testsfailed:
            for process in made.processes.values():
                print(f"--- {process.name}\n{process.tail(40)}")


@pytest.fixture(scope="module")
def story(deployment: PayablesDeployment) -> Payables:
    """The whole story, played to its end; the tests below hold what is there against what should be."""
    payables = Payables(deployment)
    payables.avidxchange.post("clock", {"advance_seconds": -DAY})
    payables.erp.post("seed", world.erp_seed())
    deployment.start_services()
    _masters_arrive(payables)
    invoices = _invoices_arrive(payables)
    _batch_is_reopened(payables, invoices)
    _late_vendor_is_made(payables)
    _invoices_are_paid(payables, invoices)
    payables.settle()
    return payables


def _masters_arrive(payables: Payables) -> None:
    accounts, values = payables.count("MainAccounts"), payables.count("FinancialDimensionValues")
    codes = len(SYSTEMS) * (accounts + values - 1) + 1  # one value is of one company
    vendors = payables.count("VendorsV2") - 1  # one is used once
    payables.until(lambda: len(payables.kept("vendors")) >= vendors, "the vendors in AvidXchange")
    payables.until(lambda: len(payables.kept("enterpriseCodes")) >= codes, "the codes in AvidXchange")
    payables.settle()


def _invoices_arrive(payables: Payables) -> Entered:
    """Enter invoices in three batches for each company; the processor is killed while it writes them."""
    day = payables.today
    hand = {SAME: ("usmf", "250.00"), OTHER: ("demf", "199.99")}
    for number, (company, amount) in hand.items():
        vendor = payables.vendors_of(company)[0]
        payables.erp.post("seed", world.by_hand(company, vendor, number, amount, day))
    entered: Entered = {}
    for company in SYSTEMS:
        vendors = payables.vendors_of(company)
        entered[company] = payables.enter(world.invoices(company, vendors, day))
        special = [
            world.document(company, vendors[0], number, [world.line("250.00", "601500", "SALES", "100", "Desks")], day)
            for number, (place, _) in hand.items()
            if place == company
        ]
        if company == "gbsi":
            line = world.line("77.70", "602100", "OPS", None, "Posters")
            special.append(world.document(company, world.LATE_VENDOR, LATE, [line], day, unchecked=True))
        others = payables.enter(special)
        third = len(entered[company]) // 3
        for part in (entered[company][:third], entered[company][third:-third], entered[company][-third:] + others):
            payables.close_batch(company, part)
    everything = [each for company in SYSTEMS for each in entered[company]]
    assert len(everything) >= 300
    payables.kill_when(INVOICES, len(everything) // 3)
    payables.until(lambda: payables.has_invoices(everything, others=len(hand)), "all invoices with lines and images")
    payables.settle()
    reasons = sorted(each.label for each in payables.parked().values())
    assert reasons == ["document is there already", "waiting for vendor"], payables.reasons()
    return entered


def _batch_is_reopened(payables: Payables, invoices: Entered) -> None:
    """Change an invoice that is pending in F&O: another amount and account, and one line more."""
    (changed,) = [each for each in invoices["demf"] if each["Number"] == CHANGED]
    batch = next(
        each
        for each in payables.kept("invoiceBatches")
        if changed["Id"] in payables.avidxchange.get(f"batches/{each['BatchGUID']}")["invoices"]
    )
    payables.avidxchange.post(f"batches/{batch['BatchGUID']}/reopen")
    lines = [
        world.line("111.11", "606300", "WERK", None, "Work 1, part 1"),
        world.line("22.22", "605110", "OPS", "007", "Work 1, part 2"),
        world.line("3.33", "618160", "OPS", "007", "Freight"),
    ]
    edited = {"Distributions": lines, "GrossAmount": "136.66"}
    payables.avidxchange.edit("invoices", str(changed["Id"]), edited)
    payables.avidxchange.post(f"batches/{batch['BatchGUID']}/close", {})
    invoices["demf"] = [
        {**each, **payables.avidxchange.get(f"records/invoices/{each['Id']}")["data"]} if each is changed else each
        for each in invoices["demf"]
    ]
    amounts = [
        (Decimal("111.11"), "606300-WERK-"),
        (Decimal("22.22"), "605110-OPS-007"),
        (Decimal("3.33"), "618160-OPS-007"),
    ]
    payables.until(lambda: sorted(payables.lines_of(CHANGED)) == sorted(amounts), "the changed invoice")


def _late_vendor_is_made(payables: Payables) -> None:
    (waiting,) = [each for each in payables.parked().values() if each.label == "waiting for vendor"]
    assert world.LATE_VENDOR in waiting.detail
    payables.erp.post("seed", {"records": {"VendorsV2": [world.late_vendor()]}})
    payables.until(lambda: payables.lines_of(LATE) == [(Decimal("77.70"), "602100-OPS-")], "the late vendor's invoice")


def _invoices_are_paid(payables: Payables, invoices: Entered) -> None:
    """Pay in two waves, a day apart; the processor is killed in the first, which is posted before the second."""
    first, second = {}, {}
    for company in SYSTEMS:
        waves = world.payments(company, invoices[company])
        first[company], second[company] = map(payables.pay, waves)
    assert sum(len(each) for wave in (first, second) for each in wave.values()) >= 200
    paid = _first_wave(payables, first)
    assert len(payables.post_journals("usmf")) == 1
    # It comes late for a journal that is posted: its batch gets a second one.
    payables.move("clear", second["usmf"][:1])
    paid.append(second["usmf"].pop(0))
    payables.until(lambda: payables.has_paid(paid), "the late payment")
    payables.avidxchange.post("clock", {"advance_seconds": DAY})
    _second_wave(payables, first, second, paid)


def _first_wave(payables: Payables, first: Entered) -> list[Document]:
    """Clear payments of posted invoices, and of invoices that are not posted yet; one has changed its method."""
    for company in ("usmf", "demf"):
        payables.post_invoices(company, keep=[OTHER])
    switched = first["usmf"][3]
    assert switched["PaymentMethod"]["Description"] == "Check"
    payables.move("jump", [switched], status="Issued to Supplier")
    payables.move("switch", [switched], method="AvidPay Direct")
    for company in SYSTEMS:
        payables.move("clear", first[company])
    posted = [*first["usmf"], *first["demf"]]
    payables.kill_when(PAYMENTS, len(posted) // 3)
    payables.until(lambda: payables.has_paid(posted), "payments of posted invoices")
    payables.settle()
    waiting = {each.label for each in payables.parked().values() if each.reason == "waiting"}
    assert waiting == {"waiting for vendor_invoice"}, payables.reasons()
    payables.post_invoices("gbsi")
    paid = [*posted, *first["gbsi"]]
    payables.until(lambda: payables.has_paid(paid), "payments whose invoices are posted now")
    return paid


def _second_wave(payables: Payables, first: Entered, second: Entered, paid: list[Document]) -> None:
    """Clear the rest: one is held, one was issued anew before; of the first wave two are void, one is issued anew."""
    held, lost = second["demf"].pop(1), second["gbsi"].pop(1)
    payables.move("hold", [held])
    payables.move("jump", [lost], status="Funds Received")
    replacements = payables.move("reissue", [lost], method="AvidPay Direct")
    cleared = [*second["usmf"], *second["demf"], *second["gbsi"], *replacements]
    payables.move("clear", cleared)
    # Of these three, the journal of one is not posted.
    void, again = [first["usmf"][1], first["demf"][1]], first["usmf"][2]
    payables.move("void", void)
    payables.unsettled = payables.move("reissue", [again])
    payables.move("clear", payables.unsettled)
    paid += cleared
    payables.until(lambda: payables.has_paid(paid, others=len([*void, again, *payables.unsettled])), "the second wave")


def test_the_processor_was_killed_in_the_middle_of_invoices_and_of_payments(story: Payables) -> None:
    (first, invoices), (second, payments) = story.kills
    assert (first, second) == (KILLED, KILLED)
    assert 0 < invoices < 300
    assert 0 < payments < 80


def test_each_vendor_and_code_is_in_each_company_once(story: Payables) -> None:
    ledger, companies = story.avidxchange.ledger(), story.companies()
    vendors = oracle.judge_vendors(story.rows("VendorsV2"), story.kept("vendors"), ledger, companies)
    codes = oracle.judge_codes(
        story.rows("MainAccounts"),
        story.rows("FinancialDimensionValues"),
        story.kept("enterpriseCodes"),
        ledger,
        companies,
    )
    assert vendors + codes == []


def test_each_approved_invoice_is_in_finance_and_operations_once(story: Payables) -> None:
    approved = [each for each in story.kept("invoices") if each["Status"]["Description"] == "Approved"]
    wrong = oracle.judge_invoices(approved, story.books(), story.companies(), story.scans(), by_hand=(SAME, OTHER))
    assert wrong == []


def test_each_settled_payment_is_in_one_journal_and_journals_balance(story: Payables) -> None:
    open_ones = [each["PaymentId"] for each in story.unsettled]
    wrong = oracle.judge_payments(story.kept("payments"), story.books(), story.companies(), open_ones)
    assert wrong == []


def test_the_late_payment_is_in_a_second_journal_of_its_batch(story: Payables) -> None:
    names = Counter((each["dataAreaId"], each["Description"]) for each in story.rows(oracle.JOURNALS))
    ((company, name),) = [place for place, count in names.items() if count > 1]
    assert (company, names[company, name]) == ("usmf", 2)
    assert name.endswith("USMF OPER USD")


def test_journals_can_be_posted_and_money_moves_as_it_was_paid(story: Payables) -> None:
    for company in SYSTEMS:
        story.post_journals(company)
    assert oracle.judge_money(story.kept("payments"), story.books(), story.companies()) == []


def test_each_batch_is_acknowledged(story: Payables) -> None:
    assert oracle.judge_acknowledgements(story.kept("invoiceBatches"), story.kept("exportHistories")) == []


def test_nothing_waits_but_what_people_must_decide(story: Payables) -> None:
    """Which of two amounts is right; and a payment issued anew, whose invoice the one that it replaces has settled."""
    rejected, review = sorted(story.parked().values(), key=lambda each: each.reason)
    assert (review.reason, review.label) == ("review", "document is there already")
    assert set(review.differences["ImportedAmount"]) == {Decimal("250.00"), Decimal("199.99")}
    assert (rejected.reason, rejected.label) == ("rejected", "invoice cannot be settled")
    (number,) = {each["Number"] for payment in story.unsettled for each in payment["Remittances"]}
    assert number in rejected.detail
    assert story.parked(AP) == {}
