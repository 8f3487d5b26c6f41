"""Vendor payment journals: accounts escaped, one line at a time, settled invoices, nothing after posting."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.core.contracts import AlreadyThere, Operation, Serial, Target
from headrace.core.errors import Full, OutcomeUnknown, RejectRecord, RetryLater
from headrace.core.refs import decode_key
from headrace.testing.harness import target_of
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.payables import JOURNALS, PAYMENTS, SETTLED, connect, journal, payment, settlement
from tests.contract.dynamics_fo.world import World


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


async def journal_of(target: Target, description: str = "avid/batch/1") -> str:
    return str((await target.apply(journal(description))).record["JournalBatchNumber"])


async def posted_invoice(sandbox: World, target: Target, number: str = "A-1", due: date | None = None) -> None:
    await target.apply(payables.invoice(f"HR-{number}", number, DueDate=due or date(2026, 3, 31)))
    await target.apply(payables.line(f"HR-{number}"))
    await payables.post_invoices(sandbox, f"HR-{number}")


class TestJournal:
    async def test_is_found_by_its_description_while_it_is_open(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        created = journal("avid/batch/1")
        created = replace(created, key={**created.key, "IsPosted": False})
        target.check(created)
        assert await target.find(created) is None
        number = (await target.apply(created)).record["JournalBatchNumber"]
        found = await target.find(created)
        assert found is not None
        assert (found.target_id, found.matches) == (f"dataAreaId=usmf,JournalBatchNumber={number}", 1)
        assert found.record["IsPosted"] is False
        await target.apply(payment(number, "1"))
        await payables.post_journal(sandbox, number)
        assert await target.find(created) is None, "a posted one takes no more"
        found = await target.find(replace(created, key={}, target_id=found.target_id))
        assert found is not None
        assert found.record["IsPosted"] is True

    async def test_an_unknown_name_or_one_of_another_kind(self, sandbox: World) -> None:
        for name in ("NoSuch", "GenJrn"):
            with pytest.raises(RejectRecord, match=f"'{name}' in field 'Name' is not found") as caught:
                await target_of(connect(sandbox)).apply(journal("x", JournalName=name))
            assert caught.value.reason == "related value missing"


class TestLine:
    async def test_account_numbers_are_escaped_on_the_wire_alone(self, sandbox: World) -> None:
        await sandbox.seed(
            records={"BankAccounts": [{"dataAreaId": "usmf", "BankAccountId": "B-1", "CurrencyCode": "USD"}]}
        )
        target = target_of(connect(sandbox))
        created = payment(
            await journal_of(target),
            "091000019876543",
            AccountDisplayValue="US-101",
            OffsetAccountType="Bank",
            OffsetAccountDisplayValue="B-1",
            TransactionDate=date(2026, 3, 9),
            PaymentMethodName="ELECTRONIC",
            DefaultDimensionsForAccountDisplayValue="022-007",
        )
        target.check(created)
        written = await target.apply(created)
        (sent,) = await sandbox.ledger(PAYMENTS)
        assert (sent["fields"]["AccountDisplayValue"], sent["fields"]["OffsetAccountDisplayValue"]) == (
            "US\\-101",
            "B\\-1",
        )
        assert sent["fields"]["PaymentReference"] == "091000019876543", "a trace keeps its leading zeros"
        assert "@differs" not in written.record
        for found in (await target.find(created), await target.find(replace(created, target_id=written.target_id))):
            assert found is not None
            assert {name: found.record[name] for name in created.fields} == dict(created.fields)
        by_account = replace(
            created, key={name: created.fields[name] for name in ("dataAreaId", "AccountDisplayValue")}
        )
        found = await target.find(by_account)
        assert found is not None
        assert found.target_id == written.target_id

    async def test_a_ledger_account_is_a_display_value(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        fields = {"OffsetAccountType": "Ledger", "OffsetAccountDisplayValue": "601500-R\\-D-007"}
        created = payment(number, "1", **fields)
        target.check(created)
        written = await target.apply(created)
        assert written.record["OffsetAccountDisplayValue"] == "601500-R\\-D-007"
        with pytest.raises(RejectRecord) as caught:
            target.check(payment(number, "2", **{**fields, "OffsetAccountDisplayValue": "601500"}))
        assert caught.value.reason == "wrong dimension format"

    async def test_a_dimension_that_was_dropped_is_a_review(self, sandbox: World) -> None:
        await sandbox.settings(dimension_errors="silent")
        target = target_of(connect(sandbox))
        created = payment(await journal_of(target), "1", DefaultDimensionsForAccountDisplayValue="999-007")
        for again in (target.apply, target.find):
            there = await again(created)
            assert there is not None
            assert there.lost == {"DefaultDimensionsForAccountDisplayValue": ("999-007", None)}
        assert len(await sandbox.ledger(PAYMENTS)) == 1

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"AccountDisplayValue": "NOBODY"}, "related value missing"),
            ({"PaymentMethodName": "CASH"}, "related value missing"),
            ({"OffsetAccountType": "Bank", "OffsetAccountDisplayValue": "NO BANK"}, "related value missing"),
            ({"DebitAmount": Decimal(-1)}, "refused by F&O"),
            ({"MarkedInvoice": "A-404"}, "invoice cannot be settled"),
        ],
    )
    async def test_what_f_and_o_refuses(self, sandbox: World, fields: dict[str, object], reason: str) -> None:
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        with pytest.raises(RejectRecord) as caught:
            await target.apply(payment(number, "1", **fields))
        assert caught.value.reason == reason

    async def test_a_marked_invoice_is_settled_as_far_as_it_is_open(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        number = await journal_of(target)
        with pytest.raises(RejectRecord, match="exceeds the open amount 100") as caught:
            await target.apply(payment(number, "1", MarkedInvoice="A-1", DebitAmount=Decimal("100.01")))
        assert caught.value.reason == "invoice cannot be settled"
        written = await target.apply(payment(number, "1", MarkedInvoice="A-1"))
        assert written.record["SettleVoucher"] == "SelectedTransact"

    async def test_a_vendor_on_hold_for_payment(self, sandbox: World) -> None:
        key = "dataAreaId=usmf,VendorAccountNumber=1001"
        await payables.edit(sandbox, "VendorsV2", key, OnHoldStatus="Payment")
        target = target_of(connect(sandbox))
        with pytest.raises(RejectRecord, match="is on hold for Payment"):
            await target.apply(payment(await journal_of(target), "1"))

    async def test_a_lost_reply_is_found_again(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        created = payment(await journal_of(target), "1")
        await sandbox.fault("drop_reply", path=f"/data/{PAYMENTS}")
        with pytest.raises(OutcomeUnknown):
            await target.apply(created)
        found = await target.find(created)
        assert found is not None
        assert found.matches == 1


class TestSettledInvoices:
    async def test_several_invoices_of_one_payment(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        await posted_invoice(sandbox, target, "A-2", date(2026, 4, 30))
        number = await journal_of(target)
        await target.apply(payment(number, "1"))
        first = settlement(number, CashDiscountToTakeInInvoiceCurrency=Decimal("10.00"))
        second = settlement(number, "A-2", SettlementAmountInInvoiceCurrency=Decimal("40.00"))
        for created, due in ((first, "2026-03-31"), (second, "2026-04-30")):
            target.check(created)
            assert await target.find(created) is None
            written = await target.apply(created)
            assert written.record["InvoiceDueDate"] == date.fromisoformat(due), "read from the posted invoice"
            assert written.target_id.endswith(f"InvoiceCompany=usmf,InvoiceDueDate={due}")
            found = await target.find(created)
            assert found is not None
            assert (found.target_id, found.matches) == (written.target_id, 1)
            again = await target.find(replace(created, key={}, target_id=written.target_id))
            assert again is not None
        assert [row["SettlementAmountInInvoiceCurrency"] for row in await sandbox.records(SETTLED)] == [60, 40]
        await target.apply(payables.deletion(SETTLED, written.target_id))
        assert await target.find(second) is None

    async def test_of_a_line_that_its_id_names(self, sandbox: World) -> None:
        """Parts of ids are texts, and mappings hand them on."""
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        line = await target.apply(payment(await journal_of(target), "1"))
        parts = decode_key(line.target_id)
        created = settlement(parts["JournalBatchNumber"], JournalLineNumber=parts["LineNumber"])
        target.check(created)
        written = await target.apply(created)
        assert "@differs" not in written.record
        assert await target.find(created) is not None

    @pytest.mark.parametrize(
        ("number", "amount", "reason"),
        [("A-1", "100.01", "invoice cannot be settled"), ("A-404", "1.00", "invoice cannot be settled")],
    )
    async def test_more_than_is_open_or_nothing_that_is_posted(
        self, sandbox: World, number: str, amount: str, reason: str
    ) -> None:
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        batch = await journal_of(target)
        await target.apply(payment(batch, "1", DebitAmount=Decimal(500)))
        with pytest.raises(RejectRecord, match=number) as caught:
            await target.apply(settlement(batch, number, SettlementAmountInInvoiceCurrency=Decimal(amount)))
        assert caught.value.reason == reason
        assert await sandbox.ledger(SETTLED) == []

    async def test_what_another_payment_has_settled(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        first = await journal_of(target)
        await target.apply(payment(first, "1"))
        await target.apply(settlement(first, SettlementAmountInInvoiceCurrency=Decimal(100)))
        await payables.act(sandbox, "payment_journals/usmf/post")
        second = await journal_of(target, "avid/batch/2")
        await target.apply(payment(second, "2"))
        with pytest.raises(RejectRecord, match="undo, in F&O, what has settled it") as caught:
            await target.apply(settlement(second))
        assert caught.value.reason == "invoice cannot be settled"

    async def test_a_due_date_is_given_or_looked_up(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        with pytest.raises(RejectRecord, match="InvoiceDueDate or invoiceAccount"):
            target.check(settlement("00001", invoiceAccount=None))
        await posted_invoice(sandbox, target)
        number = await journal_of(target)
        await target.apply(payment(number, "1"))
        written = await target.apply(settlement(number, invoiceAccount=None, InvoiceDueDate=date(2026, 3, 31)))
        assert written.record["invoiceAccount"] == "1001"

    async def test_where_they_cannot_be_written(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        number = await journal_of(target)
        await target.apply(payment(number, "1"))
        await sandbox.settings(settled_invoices="read_only")
        with pytest.raises(RejectRecord):
            await target.apply(settlement(number))

    async def test_in_a_company_that_is_not_configured(self, sandbox: World) -> None:
        with pytest.raises(RejectRecord) as caught:
            target_of(connect(sandbox)).check(settlement("00001", JournalLineCompany="frrt"))
        assert caught.value.reason == "unknown legal entity"


class TestSerial:
    def connection(self, sandbox: World) -> DynamicsFoConnection:
        return connect(sandbox, legal_entities=["usmf", "demf"])

    async def test_what_one_journal_is_changed_by(self, sandbox: World) -> None:
        target = target_of(self.connection(sandbox))
        assert isinstance(target, Serial)
        line_id = "dataAreaId=usmf,JournalBatchNumber=00001,LineNumber=1"
        same: list[Operation] = [
            payment("00001", "1"),
            payment("00001", "2"),
            settlement("00001"),
            payables.update(PAYMENTS, line_id, TransactionText="x"),
            payables.deletion(PAYMENTS, line_id),
            payables.update(JOURNALS, "dataAreaId=usmf,JournalBatchNumber=00001", Description="x"),
        ]
        assert {target.serial(each) for each in same} == {"usmf/00001"}
        assert target.serial(payment("00001", "1", dataAreaId="demf")) == "demf/00001"
        assert target.serial(payment("00002", "1")) == "usmf/00002"
        assert {target.serial(each) for each in (journal("x"), payables.invoice("HR-1"), payables.line("HR-1"))} == {""}

    async def test_lines_at_one_moment_collide_and_may_be_repeated(self, sandbox: World) -> None:
        await sandbox.settings(line_write_seconds=0.05)
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        lines = [payment(number, str(place)) for place in range(4)]
        results = await asyncio.gather(*(target.apply(each) for each in lines), return_exceptions=True)
        lost = [each for each, result in zip(lines, results, strict=True) if isinstance(result, BaseException)]
        assert lost
        assert all(isinstance(result, RetryLater) for result in results if isinstance(result, BaseException))
        for each in lost:
            await target.apply(each)
        assert sorted(row["PaymentReference"] for row in await sandbox.records(PAYMENTS)) == ["0", "1", "2", "3"]


class TestPosted:
    @pytest.mark.parametrize("status", [400, 403, 409, 500])
    async def test_nothing_of_it_is_changed(self, sandbox: World, status: int) -> None:
        await sandbox.settings(posted_change_status=status)
        target = target_of(connect(sandbox))
        await posted_invoice(sandbox, target)
        number = await journal_of(target)
        written = await target.apply(payment(number, "1"))
        await payables.post_journal(sandbox, number)
        voucher = (await sandbox.records(PAYMENTS))[0]["Voucher"]
        journal_id = f"dataAreaId=usmf,JournalBatchNumber={number}"
        told = [
            (settlement(number), "--take target"),
            (payables.update(JOURNALS, journal_id, Description="late"), "--take target"),
            (payables.deletion(JOURNALS, journal_id), "--take target"),
            (payables.update(PAYMENTS, written.target_id, TransactionText="late"), f"voucher {voucher}"),
            (payables.deletion(PAYMENTS, written.target_id), f"voucher {voucher}"),
        ]
        for change, words in told:
            with pytest.raises(RejectRecord, match=f"journal {number} of usmf is posted.*{words}") as caught:
                await target.apply(change)
            assert caught.value.reason == "posted"
        with pytest.raises(Full, match=f"journal {number} of usmf is posted"):
            await target.apply(payment(number, "2"))
        assert len(await sandbox.ledger(PAYMENTS)) == 1

    async def test_a_line_of_a_journal_that_was_deleted_belongs_into_another(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        await target.apply(payables.deletion(JOURNALS, f"dataAreaId=usmf,JournalBatchNumber={number}"))
        with pytest.raises(Full, match=f"journal {number} of usmf was deleted"):
            await target.apply(payment(number, "1"))

    async def test_a_line_that_is_gone_is_as_good_as_deleted(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        gone = f"dataAreaId=usmf,JournalBatchNumber={number},LineNumber=7"
        await target.apply(payables.deletion(PAYMENTS, gone))
        with pytest.raises(RejectRecord) as caught:
            await target.apply(payables.update(PAYMENTS, gone, TransactionText="x"))
        assert caught.value.reason == "record is not there"

    async def test_a_key_that_is_there_twice_is_already_there(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        number = await journal_of(target)
        await target.apply(payment(number, "1", LineNumber=Decimal(1)))
        with pytest.raises(AlreadyThere):
            await target.apply(payment(number, "2", LineNumber=Decimal(1)))
