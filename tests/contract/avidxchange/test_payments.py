"""Payments: what their words mean, their references and sums, and lists whose rows move."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.platform.record_json import dump_record
from headrace.testing.suites.values import fetched, ids_of, polled, records_of
from tests.contract.avidxchange.harness import DEMF, AvidxchangeHarness


async def payment(harness: AvidxchangeHarness, **fields: Any) -> str:
    (made,) = await harness.payments(fields)
    return str(made["PaymentId"])


async def act(harness: AvidxchangeHarness, action: str, id_: str, **more: Any) -> dict[str, Any]:
    (found,) = (await harness.call("POST", f"payments/{action}", ids=[int(id_)], **more))["payments"]
    return dict(found)


class TestRecords:
    async def test_a_payment_of_several_invoices(self, harness: AvidxchangeHarness) -> None:
        first, second = await harness.invoices(
            {"Number": "8841", "InvoiceDate": "2026-02-25"},
            {"Number": "INV-8850", "Distributions": [{"Amount": 210, "codes": {"GL Account": "1"}}]},
        )
        harness.sandbox.settings.change({"numbers_as_numbers": True})
        lines = [{"InvoiceId": first["Id"]}, {"InvoiceId": second["Id"], "Discount": 10}]
        made = await payment(harness, method="AvidPay Direct", BankAccount="USMF OPER", Remittances=lines)
        await act(harness, "clear", made)
        record = await fetched(harness.source(), "payment", made)
        today = datetime.now(UTC).date()
        expected = {
            "PaymentId": int(made),
            "LegalEntity": "usmf",
            "VendorAccount": "V00123",
            "VendorName": "Lakeside Plumbing LLC",
            "PaymentAccount": "USMF OPER",
            "Amount": Decimal("1480.25"),
            "CurrencyCode": "USD",
            "PaymentDate": today,
            "ClearedDate": today,
            "SettledDate": today,
            "PostingDate": today,
            "VoidDate": None,
            "Method": "AvidPay Direct",
            "MethodKind": "direct",
            "CheckNumber": None,
            "AvidPayCheckNumber": None,
            "AchTraceNumber": "091000000000001",
            "CardReference": None,
            "Status": "Cleared",
            "State": "settled",
            "ErrorReasons": [],
            "ReplacesPaymentId": None,
            "ReplacedByPaymentId": None,
        }
        assert {name: record.data[name] for name in expected} == expected
        assert set(record.data) == {*expected, "BatchId", "Remittances"}
        paid = [(each["InvoiceId"], each["Number"], each["Net"]) for each in record.data["Remittances"]]
        assert paid == [
            (str(first["Id"]), "8841", Decimal("1280.25")),
            (str(second["Id"]), "INV-8850", Decimal(200)),
        ]

    async def test_credits_come_before_the_invoices_that_they_are_netted_with(
        self, harness: AvidxchangeHarness
    ) -> None:
        line = {"codes": {"GL Account": "1"}}
        owed, other, credit = await harness.invoices(
            {"Number": "A", "Distributions": [{**line, "Amount": 100}]},
            {"Number": "B", "Distributions": [{**line, "Amount": 50}]},
            {"Number": "C", "Distributions": [{**line, "Amount": -90}]},
        )
        made = await payment(harness, Remittances=[{"InvoiceId": each["Id"]} for each in (owed, other, credit)])
        record = await fetched(harness.source(), "payment", made)
        assert [each["Number"] for each in record.data["Remittances"]] == ["C", "A", "B"]

    async def test_of_a_card_only_the_reference_is_kept(self, harness: AvidxchangeHarness) -> None:
        made = await payment(harness, method="Virtual Credit Card")
        card = (await act(harness, "clear", made))["VirtualCard"]
        record = await fetched(harness.source(), "payment", made)
        assert record.data["CardReference"] == card["Reference"]
        assert "Last4" not in dump_record(record).decode()

    async def test_a_cheque_has_two_numbers(self, harness: AvidxchangeHarness) -> None:
        made = await payment(harness, CheckNumber="000123")
        printed = await act(harness, "clear", made)
        record = await fetched(harness.source(), "payment", made)
        assert record.data["CheckNumber"] == "000123"
        assert record.data["AvidPayCheckNumber"] == printed["AvidPayChecknumber"]

    async def test_a_sum_that_is_wrong_parks_its_payment_alone(self, harness: AvidxchangeHarness) -> None:
        line = {"Number": "INV-1", "Date": "2026-02-25", "Gross": 100, "Discount": 5, "Net": 90}
        wrong = await payment(harness, broken_sum=True, Remittances=[line])
        short = await payment(harness, broken_sum=True, Amount=101)
        good = await payment(harness)
        source = harness.source()
        complete = {each.ref.external_id: each.complete for each in records_of(await polled(source, "payment"))}
        assert complete == {wrong: False, short: False, good: True}
        with pytest.raises(RejectRecord, match=r"Gross 100.* Discount 5.* Net 90"):
            await source.fetch(Ref("payment", wrong))
        with pytest.raises(RejectRecord, match=r"comes to 100.*Amount is 101"):
            await source.fetch(Ref("payment", short))

    async def test_a_reissue_is_two_payments(self, harness: AvidxchangeHarness) -> None:
        old = await payment(harness)
        new = str((await act(harness, "reissue", old))["PaymentId"])
        records = {each.ref.external_id: each.data for each in records_of(await polled(harness.source(), "payment"))}
        assert (records[old]["State"], records[old]["ReplacedByPaymentId"]) == ("void", new)
        assert (records[new]["State"], records[new]["ReplacesPaymentId"]) == ("open", old)


class TestStates:
    @pytest.mark.parametrize(
        ("actions", "state"),
        [
            ([], "open"),
            (["step", "step", "step"], "open"),
            (["hold"], "held"),
            (["error"], "error"),
            (["error", "resume"], "open"),
            (["clear"], "settled"),
            (["void"], "void"),
            (["clear", "void"], "void"),
        ],
    )
    async def test_what_a_status_means(self, harness: AvidxchangeHarness, actions: list[str], state: str) -> None:
        made = await payment(harness)
        for action in actions:
            await act(harness, action, made)
        record = await fetched(harness.source(), "payment", made)
        assert record.data["State"] == state
        assert record.data["ErrorReasons"] == (["Missing bank account"] if state == "error" else [])

    async def test_settled_may_begin_earlier(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"payments": {"post_when": ["ACH Credit Issued"]}}
        made = await payment(harness, method="AvidPay Direct")
        source = harness.source()
        for status, state in (("Funds Received", "open"), ("ACH Credit Issued", "settled"), ("Cleared", "settled")):
            await act(harness, "jump", made, status=status)
            assert (await fetched(source, "payment", made)).data["State"] == state

    async def test_an_unknown_word_is_open_and_told_once(
        self, harness: AvidxchangeHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        harness.sandbox.settings.change({"status_words": {"Processing": "On its way", "Void": "Voided by bank"}})
        made = await payment(harness, status="Processing")
        source = harness.source()
        for _ in range(2):
            assert (await fetched(source, "payment", made)).data["State"] == "open"
        assert [vars(each)["word"] for each in caplog.records if hasattr(each, "word")] == ["On its way"]
        await act(harness, "void", made)
        assert (await fetched(source, "payment", made)).data["State"] == "void"


class TestLists:
    @pytest.mark.parametrize("links", [True, False])
    @pytest.mark.parametrize("shape", ["PageCount", "Pages", "camel", "absent"])
    async def test_every_form_of_pages(self, harness: AvidxchangeHarness, shape: str, links: bool) -> None:
        harness.sandbox.settings.change({"paging_shape": shape, "next_links": links})
        made = [await payment(harness) for _ in range(5)]
        assert sorted(ids_of(await polled(harness.source(page_size=2), "payment"))) == made

    async def test_a_row_that_pushes_another_out_of_sight(self, harness: AvidxchangeHarness) -> None:
        """One changes between two pages: all others move up, one of them to a page that was read already."""
        made = [await payment(harness, CheckNumber="1") for _ in range(6)]
        pages = []
        async for page in harness.source(page_size=2).changes("payment", {}):
            pages.append(page)
            if len(pages) == 1:
                harness.sandbox.clock.advance(2)
                await harness.change(made[0], "2")
        ids = ids_of(pages)
        assert set(ids) == set(made)
        assert sorted(ids) == sorted([*made, made[0]])
        assert [each.data["CheckNumber"] for each in records_of(pages) if each.ref.external_id == made[0]] == ["1", "2"]

    async def test_a_list_that_does_not_come_to_rest_keeps_its_cursor(self, harness: AvidxchangeHarness) -> None:
        row = {"PaymentId": 1, "Amount": 1, "Remittances": [{"Gross": 1, "Discount": 0, "Net": 1}]}
        body = {"Items": [row], "Paging": {"PageNumber": 1, "PageCount": 1, "TotalItems": 2}}
        harness.fault("status", "GET", status=200, body=body, path="/v1/payments", times=None)
        pages = await polled(harness.source(), "payment", {"usmf": "2026-11-01"})
        assert ids_of(pages) == ["1"]
        assert {page.cursor["usmf"] for page in pages} == {"2026-11-01"}

    async def test_payments_of_another_company_are_left_out(self, harness: AvidxchangeHarness) -> None:
        """Also by a system that knows no filter by accounting system."""
        own = await payment(harness)
        await payment(harness, accounting_system=DEMF)
        rename = {"accountingSystemId": "unknown"}
        for renames in ({}, {"parameters": rename}):
            harness.sandbox.settings.change({"renames": renames})
            assert ids_of(await polled(harness.source(), "payment")) == [own]
