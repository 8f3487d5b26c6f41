"""Pending vendor invoices: written once, found again after somebody posted them, refused in words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace.core.contracts import Action, AlreadyThere, Operation
from headrace.core.errors import NeedsReview, OutcomeUnknown, RejectRecord
from headrace.testing.harness import target_of
from headrace.testing.suites import TargetSuite
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.harness import InvoicesHarness, invoices_harness
from tests.contract.dynamics_fo.payables import INVOICES, LINES, connect, header_id, invoice, line
from tests.contract.dynamics_fo.world import World

NATURAL = ("dataAreaId", "InvoiceAccount", "InvoiceNumber")


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


def by_number(found: Operation, **more: Any) -> Operation:
    """Return the look for an invoice by its natural key alone, as for somebody else's."""
    key = {name: found.fields[name] for name in NATURAL} | more
    return replace(found, action=Action.UPDATE, fields={}, key=key)


class TestInvoices(TargetSuite):
    not_applicable: ClassVar = {
        "delete_is_idempotent": "one that is not there may have been posted, so a human looks",
        "lost_reply_of_a_delete": "deleting again finds nothing, and what is not there may have been posted",
        "find_by_marker_when_there_are_two": "the mark is the key",
        "find_by_target_id": "the mark is the key, so there are no two with one mark",
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[InvoicesHarness]:
        async with invoices_harness(tmp_path) as found:
            yield found


class TestWriting:
    async def test_header_lines_and_document_arrive_as_they_were_meant(self, sandbox: World) -> None:
        content = bytes(range(256)) * 40
        target = target_of(connect(sandbox, {"scan": content}))
        for created in (
            invoice("HR-1", DimensionDisplayValue="R\\-D-007"),
            line("HR-1"),
            line("HR-1", 2, NetAmount=Decimal("-0.01"), MainAccountDisplayValue="601500-R\\-D-"),
            payables.document("HR-1"),
        ):
            target.check(created)
            assert await target.find(created) is None
            written = await target.apply(created)
            assert "@differs" not in written.record
            found = await target.find(created)
            assert found is not None
            assert (found.target_id, found.matches, found.version) == (written.target_id, 1, written.version)
        lines = await sandbox.records(LINES)
        assert [row["NetAmount"] for row in lines] == [100, -0.01]
        (sent,) = await sandbox.ledger(payables.DOCUMENTS)
        assert sent["after"]["FileContents"] == {"sha256": payables.digest(content), "bytes": len(content)}

    async def test_ids_spell_numbers_one_way(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        written = await target.apply(line("HR-1", 10))
        assert written.target_id == "dataAreaId=usmf,HeaderReference=HR-1,InvoiceLineNumber=10"
        await target.apply(payables.update(LINES, written.target_id, LineDescription="Pump repair"))
        assert (await sandbox.records(LINES))[0]["LineDescription"] == "Pump repair"

    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            (invoice("x" * 21), "text too long"),
            (invoice("HR-1", "x" * 21), "text too long"),
            (invoice("HR-1", InvoiceAccount=None), "required field is empty"),
            (invoice("HR-1", VendorInvoiceReviewStatus="Approved"), "field cannot be written"),
            (line("HR-1", MainAccountDisplayValue="601500"), "wrong dimension format"),
            (line("HR-1", DimensionDisplayValue="022"), "wrong dimension format"),
            (payables.document("HR-1", FileContents="JVBERi0="), "no stored content"),
        ],
    )
    async def test_check_finds_before_the_call(self, sandbox: World, made: Operation, reason: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            target_of(connect(sandbox)).check(made)
        assert caught.value.reason == reason

    async def test_a_ledger_account_needs_the_ledger_format(self, sandbox: World) -> None:
        with pytest.raises(RejectRecord, match="ledger_format"):
            target_of(sandbox.connect()).check(line("HR-1"))

    @pytest.mark.parametrize(
        ("account", "words"),
        [("999999-022-007", "'999999' does not exist"), ("601500-999-007", "'999' is not valid")],
    )
    async def test_a_wrong_coding_is_refused_in_words(self, sandbox: World, account: str, words: str) -> None:
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        with pytest.raises(RejectRecord, match=words):
            await target.apply(line("HR-1", MainAccountDisplayValue=account))

    async def test_a_vendor_on_hold(self, sandbox: World) -> None:
        key = "dataAreaId=usmf,VendorAccountNumber=1001"
        await payables.edit(sandbox, "VendorsV2", key, OnHoldStatus="Invoice")
        with pytest.raises(RejectRecord, match="is on hold for Invoice") as caught:
            await target_of(connect(sandbox)).apply(invoice("HR-1"))
        assert caught.value.reason == "blocked or on hold"


class TestDimensions:
    async def test_one_that_was_dropped_without_a_word_is_a_review(self, sandbox: World) -> None:
        await sandbox.settings(dimension_errors="silent")
        target = target_of(connect(sandbox))
        created = invoice("HR-1", DimensionDisplayValue="999-007")
        for again in (target.apply, target.find):
            there = await again(created)
            assert there is not None
            assert there.lost == {"DimensionDisplayValue": ("999-007", None)}
        assert len(await sandbox.ledger(INVOICES)) == 1
        # Somebody creates the value and enters it: the same create finds its invoice.
        await sandbox.seed(
            dimension_formats={"default": ["Department", "CostCenter"], "values": {"Department": ["999"]}}
        )
        await payables.edit(sandbox, INVOICES, header_id("HR-1"), DimensionDisplayValue="999-007")
        found = await target.find(created)
        assert found is not None
        assert found.record["DimensionDisplayValue"] == "999-007"

    async def test_with_an_update_too_and_it_is_read_again_if_that_failed(self, sandbox: World) -> None:
        await sandbox.settings(dimension_errors="silent")
        target = target_of(connect(sandbox))
        written = await target.apply(invoice("HR-1", DimensionDisplayValue="022-007"))
        change = payables.update(INVOICES, written.target_id, DimensionDisplayValue="999-007")
        assert (await target.apply(change)).lost == {"DimensionDisplayValue": ("999-007", "022-007")}
        await sandbox.fault("status", "GET", "/data/VendorInvoiceHeaders\\(", status=500)
        with pytest.raises(OutcomeUnknown):
            await target.apply(change)

    async def test_trailing_empty_values_mean_the_same(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        created = line("HR-1", DimensionDisplayValue="022-", MainAccountDisplayValue="601500-022-")
        await target.apply(created)
        found = await target.find(created)
        assert found is not None
        assert found.record["DimensionDisplayValue"] == "022-"


class TestPosted:
    async def posted(self, sandbox: World, created: Operation) -> tuple[Any, str]:
        target = target_of(connect(sandbox))
        await target.apply(created)
        reference = str(created.fields["HeaderReference"])
        await target.apply(line(reference))
        (row,) = await payables.post_invoices(sandbox, reference)
        return target, str(row["LedgerVoucher"])

    async def test_a_create_finds_its_invoice_after_somebody_posted_it(self, sandbox: World) -> None:
        created = invoice("HR-1", DueDate=date(2026, 3, 31))
        target, voucher = await self.posted(sandbox, created)
        found = await target.find(created)
        assert found is not None
        assert (found.target_id, found.matches) == (header_id("HR-1"), 1)
        assert {name: found.record[name] for name in created.fields} == dict(created.fields)
        assert (found.record["@posted"], found.record["Voucher"]) == (True, voucher)

    async def test_a_reply_that_was_lost_before_it_was_posted(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await sandbox.fault("drop_reply", path="/data/VendorInvoiceHeaders")
        created = invoice("HR-1")
        with pytest.raises(OutcomeUnknown):
            await target.apply(created)
        await target.apply(line("HR-1"))
        await payables.post_invoices(sandbox)
        assert (await target.find(created)) is not None
        assert len(await sandbox.ledger(INVOICES)) == 1

    async def test_by_vendor_and_number_alone(self, sandbox: World) -> None:
        created = invoice("HR-1")
        target, _ = await self.posted(sandbox, created)
        found = await target.find(by_number(created))
        assert found is not None
        assert found.record["ImportedAmount"] == 100
        again = await target.find(replace(by_number(created), key={}, target_id=found.target_id))
        assert again == found, "its id finds it too"
        assert await target.find(by_number(invoice("HR-1", company="demf"))) is None
        assert await target.find(by_number(invoice("HR-1", InvoiceAccount="US-101"))) is None
        assert await target.find(by_number(created, InvoiceDate=date(2025, 3, 1))) is None

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"ImportedAmount": Decimal("100.01")}, "ImportedAmount"),
            ({"InvoiceDate": date(2026, 3, 2)}, "InvoiceDate"),
            ({"InvoiceDate": date(2025, 3, 1)}, "InvoiceDate"),
        ],
    )
    async def test_one_with_its_number_that_differs_is_a_review(
        self, sandbox: World, changes: dict[str, Any], words: str
    ) -> None:
        target, voucher = await self.posted(sandbox, invoice("HR-1"))
        with pytest.raises(NeedsReview, match=f"posted with voucher {voucher}") as caught:
            await target.find(invoice("HR-2", **changes))
        assert list(caught.value.differences) == [words]

    async def test_another_years_with_another_amount_is_another(self, sandbox: World) -> None:
        target, _ = await self.posted(sandbox, invoice("HR-1"))
        next_years = invoice("HR-2", InvoiceDate=date(2027, 3, 1), ImportedAmount=Decimal(7))
        assert await target.find(next_years) is None
        assert await target.find(replace(by_number(next_years), fields=next_years.fields)) is None

    @pytest.mark.parametrize("kind", ["gone", "refuse"])
    @pytest.mark.parametrize("status", [400, 403, 409, 500])
    async def test_it_is_neither_changed_nor_deleted(self, sandbox: World, kind: str, status: int) -> None:
        await sandbox.settings(posted_invoices=kind, posted_change_status=status)
        created = invoice("HR-1")
        target, voucher = await self.posted(sandbox, created)
        identity = header_id("HR-1")
        for change in (
            payables.update(INVOICES, identity, created.key, InvoiceDescription="late"),
            payables.deletion(INVOICES, identity, created.key),
        ):
            with pytest.raises(
                RejectRecord, match=f"invoice A-1 of vendor 1001 is posted .voucher {voucher}"
            ) as caught:
                await target.apply(change)
            assert caught.value.reason == "posted"
            assert "--take target" in caught.value.detail
        blind = payables.deletion(INVOICES, identity)
        with pytest.raises(RejectRecord) as caught:
            await target.apply(blind)
        assert caught.value.reason == ("no longer pending" if kind == "gone" else "posted")

    async def test_its_lines_and_document_cannot_follow(self, sandbox: World) -> None:
        target, _ = await self.posted(sandbox, invoice("HR-1"))
        line_id = "dataAreaId=usmf,HeaderReference=HR-1,InvoiceLineNumber=1"
        for change in (
            line("HR-1", 2),
            payables.update(LINES, line_id, LineDescription="late"),
            payables.deletion(LINES, line_id),
        ):
            with pytest.raises(RejectRecord, match="HR-1 is not there") as caught:
                await target.apply(change)
            assert caught.value.reason == "no longer pending"

    async def test_what_was_deleted_is_told_from_what_was_posted(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        created = invoice("HR-1")
        identity = header_id("HR-1")
        with pytest.raises(RejectRecord) as caught:
            await target.apply(payables.update(INVOICES, identity, created.key, InvoiceDescription="late"))
        assert caught.value.reason == "record is not there"
        await target.apply(payables.deletion(INVOICES, identity, created.key))
        await target.apply(created)
        await target.apply(payables.deletion(LINES, f"{identity},InvoiceLineNumber=7"))

    async def test_where_posted_ones_are_not_visible_nothing_is_written(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/VendInvoiceJourBiEntities", status=404, times=None)
        with pytest.raises(RejectRecord, match="Publish the entity VendInvoiceJourBiEntities") as caught:
            await target_of(connect(sandbox)).find(invoice("HR-1"))
        assert caught.value.reason == "posted invoices are not visible"

    async def test_of_two_years_the_latest_is_named(self, sandbox: World) -> None:
        await payables.edit(
            sandbox, "VendorParameters", "dataAreaId=usmf", IsCheckInvoiceNumberUsed="NoDuplicateInYear"
        )
        await self.posted(sandbox, invoice("HR-1", InvoiceDate=date(2025, 3, 1)))
        created = invoice("HR-2")
        target, voucher = await self.posted(sandbox, created)
        with pytest.raises(RejectRecord, match=f"voucher {voucher}"):
            await target.apply(payables.update(INVOICES, header_id("HR-2"), created.key, InvoiceDescription="late"))
        found = await target.find(by_number(created))
        assert found is not None
        assert (found.matches, found.record["InvoiceDate"]) == (2, date(2026, 3, 1))


class TestPending:
    async def test_what_its_lines_come_to_where_the_header_states_no_amount(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        created = invoice("HR-1", ImportedAmount=None)
        await target.apply(created)
        for number, amount in ((1, "10.50"), (2, "-0.25")):
            await target.apply(line("HR-1", number, NetAmount=Decimal(amount)))
        await target.apply(invoice("HR-2", "A-2", ImportedAmount=Decimal(7)))
        found = await target.find(by_number(created))
        assert found is not None
        assert (found.record["ImportedAmount"], found.record.get("@posted")) == (Decimal("10.25"), None)
        other = await target.find(by_number(invoice("HR-2", "A-2")))
        assert other is not None
        assert other.record["ImportedAmount"] == 7

    async def test_a_number_that_somebody_else_entered_is_a_review(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(invoice("BY-HAND"))
        with pytest.raises(NeedsReview, match="pending as BY-HAND") as caught:
            await target.find(invoice("HR-1"))
        assert caught.value.reason == "invoice number is taken"
        assert caught.value.differences == {}


class TestDuplicates:
    """What F&O itself says of a number that is used, by the company's setting, and when it says so."""

    @pytest.mark.parametrize("where", ["pending", "posted"])
    @pytest.mark.parametrize(
        ("mode", "year", "refused"),
        [
            ("NoDuplicate", 2026, True),
            ("NoDuplicate", 2025, True),
            ("NoDuplicateInYear", 2026, True),
            ("NoDuplicateInYear", 2025, False),
            ("AcceptDuplicate", 2026, False),
            ("WarnDuplicate", 2026, False),
        ],
    )
    async def test_when_it_is_saved(self, sandbox: World, where: str, mode: str, year: int, refused: bool) -> None:
        await payables.edit(sandbox, "VendorParameters", "dataAreaId=usmf", IsCheckInvoiceNumberUsed=mode)
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        if where == "posted":
            await target.apply(line("HR-1"))
            await payables.post_invoices(sandbox)
        created = invoice("HR-2", InvoiceDate=date(year, 3, 1))
        if refused:
            with pytest.raises(AlreadyThere, match="A-1 already exists for invoice account 1001"):
                await target.apply(created)
        else:
            await target.apply(created)
        assert len(await sandbox.ledger(INVOICES)) == (1 if refused else 2)

    @pytest.mark.parametrize("status", [400, 500])
    async def test_whatever_status_it_comes_with(self, sandbox: World, status: int) -> None:
        await sandbox.settings(duplicate_status=status)
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        with pytest.raises(AlreadyThere):
            await target.apply(invoice("HR-2"))
        with pytest.raises(AlreadyThere):
            await target.apply(invoice("HR-1", "A-2"))

    async def test_where_it_says_so_only_at_posting_the_look_before_tells(self, sandbox: World) -> None:
        await sandbox.settings(invoice_number_check="posting")
        target = target_of(connect(sandbox))
        await target.apply(invoice("BY-HAND"))
        with pytest.raises(NeedsReview, match="pending as BY-HAND"):
            await target.find(invoice("HR-1"))
        await target.apply(line("BY-HAND"))
        await payables.post_invoices(sandbox)
        with pytest.raises(NeedsReview, match="posted with voucher"):
            await target.find(invoice("HR-1", ImportedAmount=Decimal(7)))


class TestDocuments:
    async def test_content_that_is_no_longer_stored(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        await target.apply(invoice("HR-1"))
        with pytest.raises(RejectRecord) as caught:
            await target.apply(payables.document("HR-1"))
        assert caught.value.reason == "content expired"
        with pytest.raises(RejectRecord, match="nothing reads files here"):
            await target_of(sandbox.connect()).apply(payables.document("HR-1"))
        assert await sandbox.ledger(payables.DOCUMENTS) == []

    async def test_it_stands_in_no_record_and_is_never_read_back(
        self, sandbox: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        target = target_of(connect(sandbox, {"scan": b"canary-content" * 100}))
        await target.apply(invoice("HR-1"))
        created = payables.document("HR-1", Notes="scan")
        written = await target.apply(created)
        assert "FileContents" not in written.record
        found = await target.find(created)
        assert found is not None
        assert "FileContents" not in found.record
        changed = await target.apply(payables.update(payables.DOCUMENTS, written.target_id, Notes="a better scan"))
        assert changed.record["Notes"] == "a better scan"
        assert "FileContents" not in changed.record
        assert "Y2FuYXJ5" not in caplog.text + repr((written, found, changed))
        asked = [each["path"] for each in await payables.requests(sandbox) if each["method"] == "GET"]
        assert not [
            path for path in asked if "FileContents" in path or ("Attachments" in path and "select" not in path)
        ]

    async def test_another_file_of_the_invoice_is_not_it(self, sandbox: World) -> None:
        target = target_of(connect(sandbox, {"scan": b"one"}))
        await target.apply(invoice("HR-1"))
        await target.apply(payables.document("HR-1", "theirs.pdf"))
        created = payables.document("HR-1")
        assert await target.find(created) is None
        with pytest.raises(AlreadyThere):
            await target.apply(created)
