"""Free text invoices: written once, found by number, read-only once they are posted."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.core.contracts import AlreadyThere, Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from headrace.testing.suites import TargetSuite
from tests.contract.dynamics_fo import documents, payables
from tests.contract.dynamics_fo.documents import INVOICE_LINES, INVOICES, billed, look, sold
from tests.contract.dynamics_fo.harness import CustomerInvoicesHarness, customer_invoices_harness
from tests.contract.dynamics_fo.payables import connect
from tests.contract.dynamics_fo.world import World

HR_1 = "dataAreaId=usmf,ExternalInvoiceId=HR-1"


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


class TestCustomerInvoices(TargetSuite):
    not_applicable: ClassVar = {
        "amounts_are_exact": "a header has no amount; those of its lines are shown below",
        "null_clears_and_absent_leaves": "a header has one text of its own; shown below with another field",
        "written_record_is_what_the_system_holds": "a header has one text and no amount; shown below",
        "written_record_is_known_again_by_the_source": "a header has one text and no amount; shown below",
        "find_by_marker_when_there_are_two": "the mark is the key",
        "find_by_target_id": "the mark is the key, so there are no two with one mark",
        "confirmed_change_is_written_whatever_follows": "what cannot be looked at before is not changed",
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[CustomerInvoicesHarness]:
        async with customer_invoices_harness(tmp_path) as found:
            yield found


class TestWriting:
    async def test_header_and_lines_arrive_as_they_were_meant(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        header = billed("HR-1", DueDate=date(2026, 3, 31), DocumentNumber="AR-1", TotalAmount=Decimal("99.99"))
        credit = {"Quantity": Decimal(-1), "UnitPrice": Decimal("0.01")}
        for created in (header, sold("HR-1"), sold("HR-1", 2, "-0.01", MainAccountDisplayValue="401100--", **credit)):
            target.check(created)
            assert await target.find(created) is None
            written = await target.apply(created)
            assert "@differs" not in written.record
            found = await target.find(created)
            assert found is not None
            assert (found.target_id, found.matches, found.version) == (written.target_id, 1, written.version)
        found = await target.find(header)
        assert found is not None
        assert found.record["TotalAmount"] == Decimal("99.99")
        assert [row["TransactionCurrencyAmount"] for row in await sandbox.records(INVOICE_LINES)] == [100, -0.01]
        (sent,) = await sandbox.ledger(INVOICES)
        assert not {"DocumentNumber", "TotalAmount"} & set(sent["fields"]), "they are no fields of F&O"

    async def test_what_is_told_of_a_write_is_what_is_there(self, sandbox: World) -> None:
        connection = connect(sandbox)
        target = target_of(connection)
        created = billed("HR-1", DueDate=date(2026, 3, 31), TermsOfPayment="Net30")
        changes = (created, payables.update(INVOICES, HR_1, DueDate=None, TermsOfPayment=None))
        for change, due in zip(changes, (date(2026, 3, 31), None), strict=True):
            written = await target.apply(change)
            record = await source_of(connection).fetch(Ref(INVOICES, HR_1))
            assert record is not None
            assert record.data == written.record
            assert record.data["DueDate"] == due
            assert record.data["CustomerReference"] == "AR-1"

    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            (billed("x" * 21), "text too long"),
            (billed("HR-1", CustomerAccount=None), "required field is empty"),
            (billed("HR-1", InvoiceDate=None), "required field is empty"),
            (billed("HR-1", IsPosted=True), "field cannot be written"),
            (billed("HR-1", FreeTextNumber="FTI-1"), "field cannot be written"),
            (sold("HR-1", MainAccountDisplayValue=None), "required field is empty"),
            (sold("HR-1", MainAccountDisplayValue="401100"), "wrong dimension format"),
        ],
    )
    async def test_check_finds_before_the_call(self, sandbox: World, made: Operation, reason: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            target_of(connect(sandbox)).check(made)
        assert caught.value.reason == reason

    @pytest.mark.parametrize(
        ("account", "words"),
        [("999999-022-007", "'999999' does not exist"), ("401100-999-007", "'999' is not valid")],
    )
    async def test_a_wrong_coding_is_refused_in_words(self, sandbox: World, account: str, words: str) -> None:
        target = target_of(connect(sandbox))
        await target.apply(billed("HR-1"))
        with pytest.raises(RejectRecord, match=words):
            await target.apply(sold("HR-1", MainAccountDisplayValue=account))

    async def test_a_customer_on_hold(self, sandbox: World) -> None:
        key = "dataAreaId=usmf,CustomerAccount=US-001"
        await payables.edit(sandbox, "CustomersV3", key, OnHoldStatus="All")
        with pytest.raises(RejectRecord, match="is on hold for All") as caught:
            await target_of(connect(sandbox)).apply(billed("HR-1"))
        assert caught.value.reason == "blocked or on hold"

    async def test_the_key_is_taken_once(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(billed("HR-1"))
        with pytest.raises(AlreadyThere):
            await target.apply(billed("HR-1", "AR-2"))


class TestTheirOwn:
    async def test_by_customer_and_the_number_on_the_document(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(billed("BY-HAND", "AR-77"))
        await target.apply(sold("BY-HAND"))
        key = {"dataAreaId": "usmf", "CustomerAccount": "US-001"}
        found = await target.find(look(INVOICES, **key, CustomerReference="ar-77"))
        assert found is not None
        known = {name: found.record[name] for name in ("InvoiceDate", "CurrencyCode", "TotalAmount")}
        assert known == {"InvoiceDate": date(2026, 3, 1), "CurrencyCode": "USD", "TotalAmount": Decimal(100)}
        assert (
            await target.find(look(INVOICES, **{**key, "CustomerAccount": "DE-001"}, CustomerReference="AR-77")) is None
        )

    async def test_by_the_number_that_f_and_o_printed(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(billed("BY-HAND", "theirs"))
        await target.apply(sold("BY-HAND"))
        (row,) = await documents.post(sandbox, "BY-HAND")
        number = str(row["FreeTextNumber"])
        key = {"dataAreaId": "usmf", "CustomerAccount": "US-001"}
        found = await target.find(look(INVOICES, **key, DocumentNumber=number))
        assert found is not None
        assert found.record["IsPosted"] is True
        assert await target.find(look(INVOICES, **key, DocumentNumber="AR-1")) is None


class TestPosted:
    @pytest.mark.parametrize("status", [400, 403, 409, 500])
    async def test_it_is_neither_changed_nor_deleted(self, sandbox: World, status: int) -> None:
        await sandbox.settings(posted_change_status=status)
        target = target_of(connect(sandbox))
        await target.apply(billed("HR-1"))
        await target.apply(sold("HR-1"))
        (row,) = await documents.post(sandbox, "HR-1")
        changes = (
            payables.update(INVOICES, HR_1, CustomerReference="late"),
            payables.deletion(INVOICES, HR_1),
            payables.update(INVOICE_LINES, f"{HR_1},LineNumber=1", Description="late"),
            payables.deletion(INVOICE_LINES, f"{HR_1},LineNumber=1"),
            sold("HR-1", 2),
        )
        for change in changes:
            with pytest.raises(RejectRecord, match=f"HR-1 is posted .{row['FreeTextNumber']}") as caught:
                await target.apply(change)
            assert caught.value.reason == "posted"
            assert "--take target" in caught.value.detail
        # Posted between the look and the change: F&O refuses, whatever status it gives that.
        for change in changes:
            await sandbox.fault("status", "GET", f"/data/{INVOICES}", status=404)
            with pytest.raises(RejectRecord) as caught:
                await target.apply(change)
            assert caught.value.reason == "posted"
        assert len(await sandbox.ledger(INVOICE_LINES)) == 1

    async def test_a_create_finds_its_invoice_after_somebody_posted_it(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await sandbox.fault("drop_reply", path=f"/data/{INVOICES}")
        created = billed("HR-1")
        with pytest.raises(OutcomeUnknown):
            await target.apply(created)
        await target.apply(sold("HR-1"))
        await documents.post(sandbox, "HR-1")
        found = await target.find(created)
        assert found is not None
        assert found.target_id == HR_1
        assert len(await sandbox.ledger(INVOICES)) == 1
