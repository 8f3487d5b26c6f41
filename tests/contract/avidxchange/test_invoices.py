"""Approved invoices: found by closed batches, acknowledged when durable, and their images."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.core.attachments import Attached
from headrace.core.contracts import Page, Record, Source
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.testing.suites.values import fetched, ids_of, polled, records_of
from tests.contract.avidxchange.harness import CREDENTIALS, DEMF, USMF, AvidxchangeHarness


async def acknowledged(harness: AvidxchangeHarness, guid: str) -> int:
    """Return how often a batch was acknowledged, by the sandbox's own book."""
    return len((await harness.call("GET", f"batches/{guid}"))["acknowledgements"])


def cursor_of(pages: list[Page]) -> Mapping[str, str]:
    return pages[-1].cursor


class TestBatches:
    async def test_an_invoice_comes_with_its_batch_and_coding(self, harness: AvidxchangeHarness) -> None:
        (made,) = await harness.invoices(
            {"VendorExternalSystemID": "V00123|ADDR2", "TaxAmount": 80.25, "PONumber": "PO-7", "Memo": "Pump repair"}
        )
        batch = await harness.batch()
        (record,) = records_of(await polled(harness.source(), "invoice"))
        assert (record.ref, record.complete) == (Ref("invoice", str(made["Id"])), True)
        closed = datetime.fromisoformat(batch["DateClosed"])
        assert record.data["BatchGUID"] == batch["BatchGUID"]
        assert abs(record.data["DateClosed"] - closed) < timedelta(seconds=1)
        assert record.data["DateClosed"].tzinfo is UTC
        expected: dict[str, Any] = {
            "Id": made["Id"],
            "LegalEntity": "usmf",
            "Number": "INV-1",
            "InvoiceType": "Standard",
            "Status": "Approved",
            "VendorAccount": "V00123",
            "VendorAddressId": "ADDR2",
            "VendorName": "V00123|ADDR2",
            "AccountNo": None,
            "InvoiceDate": datetime.now(UTC).date(),
            "InvoiceDueDate": datetime.now(UTC).date() + timedelta(days=30),
            "GrossAmount": Decimal("1280.25"),
            "TaxAmount": Decimal("80.25"),
            "FreightAmount": Decimal(0),
            "CurrencyCode": "USD",
            "PONumber": "PO-7",
            "Memo": "Pump repair",
            "IsDuplicateSuspect": False,
            "HasImage": True,
            "Distributions": [
                {
                    "LineNumber": 1,
                    "Amount": Decimal(1200),
                    "Description": "Repair",
                    "Account": "601500",
                    "Dimensions": [{"name": "CostCenter", "value": "014"}],
                },
                {
                    "LineNumber": 2,
                    "Amount": Decimal("80.25"),
                    "Description": "Sales tax",
                    "Account": "601500",
                    "Dimensions": [],
                },
            ],
        }
        assert {name: record.data[name] for name in expected} == expected
        assert set(record.data) == {*expected, "BatchGUID", "DateClosed"}

    async def test_it_is_acknowledged_only_when_durable(self, harness: AvidxchangeHarness) -> None:
        """The caller asks for the next page when this one is durable (I1); until then nothing is acknowledged."""
        await harness.invoices({}, {})
        first = (await harness.batch())["BatchGUID"]
        harness.sandbox.clock.advance(2)
        await harness.invoices({"Number": "INV-9"})
        second = (await harness.batch())["BatchGUID"]
        pages = harness.source().changes("invoice", {})
        await anext(pages)
        assert await acknowledged(harness, first) == 0
        await anext(pages)
        assert (await acknowledged(harness, first), await acknowledged(harness, second)) == (1, 0)
        last = await anext(pages)
        assert await acknowledged(harness, second) == 1
        assert not last.records
        assert last.cursor == {"usmf": datetime.now(UTC).date().isoformat()}
        assert [page async for page in pages] == []

    async def test_a_poll_that_was_cut_off_comes_again(self, harness: AvidxchangeHarness) -> None:
        """What was handed over but not made durable is neither acknowledged nor passed over."""
        made = await harness.invoices({}, {})
        guid = (await harness.batch())["BatchGUID"]
        source = harness.source()
        pages = source.changes("invoice", {})
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        assert await acknowledged(harness, guid) == 0
        assert ids_of(await polled(source, "invoice")) == [str(each["Id"]) for each in made]
        assert await acknowledged(harness, guid) == 1

    async def test_a_quiet_poll_reads_no_batch_again(self, harness: AvidxchangeHarness) -> None:
        await harness.invoices({})
        guid = (await harness.batch())["BatchGUID"]
        source = harness.source()
        cursor = cursor_of(await polled(source, "invoice"))
        before = len(harness.requests())
        assert ids_of(await polled(source, "invoice", cursor)) == []
        assert len(harness.requests()) == before + 1
        assert await acknowledged(harness, guid) == 1

    async def test_a_failed_acknowledgement_is_made_up_for(
        self, harness: AvidxchangeHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It loses nothing and holds up nothing: the cursor waits, also for another process, until it was heard."""
        caplog.set_level(logging.WARNING)
        (made,) = await harness.invoices({})
        guid = (await harness.batch())["BatchGUID"]
        harness.fault("status", "POST", status=500, path="exportHistories")
        source = harness.source()
        pages = await polled(source, "invoice")
        assert ids_of(pages) == [str(made["Id"])]
        assert await acknowledged(harness, guid) == 0
        assert "not acknowledged yet" in caplog.text
        (entry,) = [each for each in caplog.records if "not acknowledged yet" in each.message]
        assert vars(entry)["batch"] == guid
        assert cursor_of(pages) != {"usmf": datetime.now(UTC).date().isoformat()}
        again = await polled(source, "invoice", cursor_of(pages))
        assert ids_of(again) == []
        assert await acknowledged(harness, guid) == 1
        assert cursor_of(again) == {"usmf": datetime.now(UTC).date().isoformat()}
        other = await polled(harness.source(), "invoice", cursor_of(pages))
        assert ids_of(other) == [str(made["Id"])]

    async def test_acknowledging_can_be_left_to_others(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"invoices": {"acknowledge": False}}
        await harness.invoices({})
        guid = (await harness.batch())["BatchGUID"]
        source = harness.source()
        cursor = cursor_of(await polled(source, "invoice"))
        assert ids_of(await polled(source, "invoice", cursor)) == []
        assert await acknowledged(harness, guid) == 0

    async def test_a_batch_that_is_closed_again(self, harness: AvidxchangeHarness) -> None:
        """The same GUID with another closing: changed and added invoices come, one that is gone tells so."""
        kept, moved, removed = await harness.invoices({}, {}, {})
        guid = (await harness.batch())["BatchGUID"]
        source = harness.source()
        cursor = cursor_of(await polled(source, "invoice"))
        harness.sandbox.clock.advance(2)
        await harness.call("POST", f"batches/{guid}/reopen")
        assert ids_of(await polled(source, "invoice", cursor)) == []
        await harness.call("PATCH", f"records/invoices/{kept['Id']}", Memo="Corrected")
        (added,) = await harness.invoices({"Number": "INV-9"})
        harness.sandbox.clock.advance(2)
        gone = [moved["Id"], removed["Id"]]
        await harness.call("POST", f"batches/{guid}/close", add=[added["Id"]], remove=gone)
        await harness.call("POST", "invoices/reject", ids=[moved["Id"]])
        await harness.call("DELETE", f"records/invoices/{removed['Id']}")
        records = {each.ref.external_id: each for each in records_of(await polled(source, "invoice", cursor))}
        assert set(records) == {str(each["Id"]) for each in (kept, moved, removed, added)}
        assert records[str(kept["Id"])].data["Memo"] == "Corrected"
        assert records[str(moved["Id"])].data["Status"] == "Rejected"
        assert records[str(removed["Id"])].deleted
        assert await acknowledged(harness, guid) == 2

    async def test_a_batch_that_is_reopened_while_it_is_read(self, harness: AvidxchangeHarness) -> None:
        """Its details are gone then: the poll goes on, and it comes when it is closed again."""
        await harness.invoices({})
        guid = (await harness.batch())["BatchGUID"]
        harness.fault("status", "GET", status=404, path=guid)
        source = harness.source()
        pages = await polled(source, "invoice")
        assert ids_of(pages) == []
        assert await acknowledged(harness, guid) == 0
        assert len(ids_of(await polled(source, "invoice", cursor_of(pages)))) == 1

    async def test_a_batch_that_shows_less_than_it_announces(self, harness: AvidxchangeHarness) -> None:
        await harness.invoices({}, {})
        guid = (await harness.batch())["BatchGUID"]
        details = {"Items": [], "Paging": {"PageNumber": 1, "PageCount": 1, "TotalItems": 0}}
        harness.fault("status", "GET", status=200, body=details, path=guid)
        source = harness.source()
        pages = await polled(source, "invoice")
        assert (ids_of(pages), await acknowledged(harness, guid)) == ([], 0)
        assert len(ids_of(await polled(source, "invoice", cursor_of(pages)))) == 2
        assert await acknowledged(harness, guid) == 1

    async def test_details_of_several_pages(self, harness: AvidxchangeHarness) -> None:
        harness.sandbox.settings.change({"page_size": 2})
        made = await harness.invoices({}, {}, {}, {}, {})
        await harness.batch()
        for shape, links in (("PageCount", True), ("Pages", False), ("camel", False), ("absent", True)):
            harness.sandbox.settings.change({"paging_shape": shape, "next_links": links})
            assert ids_of(await polled(harness.source(), "invoice")) == [str(each["Id"]) for each in made], shape


class TestWindows:
    async def test_the_first_poll_goes_back_in_windows_that_the_api_allows(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"history_days": 100}
        harness.sandbox.clock.advance(-95 * 86_400.0)
        await harness.invoices({})
        await harness.batch()
        harness.sandbox.clock.advance(95 * 86_400.0)
        assert len(ids_of(await polled(harness.source(), "invoice"))) == 1
        asked = [entry["path"] for entry in harness.requests("GET") if "closeDateFrom" in entry["path"]]
        assert len(asked) == 4

    async def test_a_poll_begins_a_day_before_its_cursor(self, harness: AvidxchangeHarness) -> None:
        today = datetime.now(UTC).date()
        yesterday = (today - timedelta(days=1)).isoformat()
        pages = await polled(harness.source(), "invoice", {"usmf": today.isoformat()})
        (asked,) = [entry["path"] for entry in harness.requests("GET")]
        assert f"closeDateFrom={yesterday}" in asked
        assert f"closeDateTo={today.isoformat()}" in asked
        assert cursor_of(pages) == {"usmf": today.isoformat()}

    async def test_each_company_has_its_own_place(self, harness: AvidxchangeHarness) -> None:
        """A company that is added later begins at its own beginning, and its cursor is its own."""
        harness.configuration = {
            "entities": {"usmf": {"accounting_system": "f&o usmf "}, "DEMF": {"accounting_system_id": DEMF}}
        }
        await harness.invoices({}, {"accounting_system": DEMF})
        await harness.batch()
        await harness.call("POST", "batches", accounting_system=DEMF)
        pages = await polled(harness.source(), "invoice", {"usmf": datetime.now(UTC).date().isoformat()})
        assert {each.data["LegalEntity"] for each in records_of(pages)} == {"usmf", "demf"}
        assert set(cursor_of(pages)) == {"usmf", "demf"}

    async def test_a_time_to_begin_at(self, harness: AvidxchangeHarness) -> None:
        harness.sandbox.clock.advance(-10 * 86_400.0)
        await harness.invoices({"Number": "old"})
        await harness.batch()
        harness.sandbox.clock.advance(10 * 86_400.0)
        await harness.invoices({"Number": "new"})
        await harness.batch()
        source = harness.source()
        cursor = source.cursor_at("invoice", datetime.now(UTC) - timedelta(days=3))  # type: ignore[attr-defined]
        assert [each.data["Number"] for each in records_of(await polled(source, "invoice", cursor))] == ["new"]


class TestByModification:
    async def test_approved_invoices_by_the_day_of_their_change(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"invoices": {"discovery": "modified"}}
        made = await harness.invoices({}, {}, {"status": "Pending Approval"})
        source = harness.source(page_size=1)
        pages = await polled(source, "invoice")
        assert ids_of(pages) == [str(each["Id"]) for each in made[:2]]
        assert all("batches" not in entry["path"] for entry in harness.requests())


class TestRecords:
    async def test_numbers_credits_and_other_codes(self, harness: AvidxchangeHarness) -> None:
        harness.sandbox.settings.change({"numbers_as_numbers": True})
        codes = {"Department": "022", "GL Account": "601500", "CostCenter": None, "Site": "none"}
        (made,) = await harness.invoices(
            {"Number": "8841", "PONumber": "0", "Distributions": [{"Amount": -10, "codes": codes}]}
        )
        record = await fetched(harness.source(), "invoice", str(made["Id"]))
        assert (record.data["Number"], record.data["PONumber"]) == ("8841", "0")
        assert record.data["GrossAmount"] == Decimal(-10)
        assert record.data["InvoiceDueDate"] is None
        (line,) = record.data["Distributions"]
        assert line["Dimensions"] == [{"name": "Department", "value": "022"}]

    async def test_codes_whose_description_holds_the_value(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"codes": {"erp_field": "description", "gl_group": "accounting codes"}}
        codes = [
            {"group": "Accounting Codes", "value": "17", "description": "601500"},
            {"group": "CostCenter", "value": "4", "description": "014"},
        ]
        (made,) = await harness.invoices({"Distributions": [{"Amount": 1, "codes": codes}]})
        record = await fetched(harness.source(), "invoice", str(made["Id"]))
        (line,) = record.data["Distributions"]
        assert (line["Account"], line["Dimensions"]) == ("601500", [{"name": "CostCenter", "value": "014"}])

    async def test_a_sum_that_is_wrong_parks_its_invoice_alone(self, harness: AvidxchangeHarness) -> None:
        """It comes with its page, not complete: whoever takes it up fetches it, and hears both sums (I11)."""
        good, bad = await harness.invoices({}, {"broken_sum": True})
        guid = (await harness.batch())["BatchGUID"]
        source = harness.source()
        records = {each.ref.external_id: each for each in records_of(await polled(source, "invoice"))}
        assert records[str(good["Id"])].complete
        assert not records[str(bad["Id"])].complete
        assert await acknowledged(harness, guid) == 1
        with pytest.raises(RejectRecord, match=r"1280\.26.*1280\.25"):
            await source.fetch(Ref("invoice", str(bad["Id"])))

    async def test_one_that_is_not_approved_any_more_is_told_as_it_is(self, harness: AvidxchangeHarness) -> None:
        (made,) = await harness.invoices({"status": "On Hold"})
        record = await fetched(harness.source(), "invoice", str(made["Id"]))
        assert record.data["Status"] == "On Hold"
        await harness.call("DELETE", f"records/invoices/{made['Id']}")
        assert await harness.source().fetch(record.ref) is None

    async def test_one_of_another_company_is_not_seen(self, harness: AvidxchangeHarness) -> None:
        (made,) = await harness.invoices({"accounting_system": DEMF})
        assert await harness.source().fetch(Ref("invoice", str(made["Id"]))) is None

    async def test_whose_it_is_is_never_guessed(self, harness: AvidxchangeHarness) -> None:
        """A system that does not heed the filter shows an invoice to each company, and invoices name none."""
        harness.configuration = {
            "entities": {"usmf": {"accounting_system_id": USMF}, "demf": {"accounting_system_id": DEMF}}
        }
        (made,) = await harness.invoices({"accounting_system": DEMF})
        ref = Ref("invoice", str(made["Id"]))
        record = await harness.source().fetch(ref)
        assert record is not None
        assert record.data["LegalEntity"] == "demf"
        harness.sandbox.settings.change({"renames": {"parameters": {"accountingSystemId": "system"}}})
        with pytest.raises(RejectRecord, match="usmf, demf"):
            await harness.source().fetch(ref)

    @pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
    async def test_times_have_a_zone_and_dates_have_none(
        self, harness: AvidxchangeHarness, zone: str, tmp_path: Path
    ) -> None:
        contract = tmp_path / "contract.yaml"
        contract.write_text(f"timezone: {zone}\n", encoding="utf-8")
        harness.configuration = {"contract": contract}
        harness.sandbox.settings.change({"timezone": zone, "timestamp_separator": " ", "timestamp_fraction_digits": 3})
        (made,) = await harness.invoices({"InvoiceDate": "2026-02-25"})
        record = await fetched(harness.source(), "invoice", str(made["Id"]))
        assert record.data["InvoiceDate"] == date(2026, 2, 25)
        assert record.modified_at is not None
        assert abs(record.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


class TestImages:
    async def content(self, source: Source, record: Record) -> bytes:
        assert isinstance(source, Attached)
        (attachment,) = source.attachments(record)
        assert (attachment.name, attachment.media_type) == (f"{record.ref.external_id}.pdf", "application/pdf")
        return b"".join([part async for part in source.read(record.ref, attachment)])

    async def invoice(self, harness: AvidxchangeHarness, **fields: Any) -> tuple[Source, Record]:
        (made,) = await harness.invoices(fields)
        source = harness.source()
        return source, await fetched(source, "invoice", str(made["Id"]))

    async def test_the_image_of_an_invoice(self, harness: AvidxchangeHarness) -> None:
        source, record = await self.invoice(harness, Number="INV-8841")
        content = await self.content(source, record)
        assert content.startswith(b"%PDF-")
        assert b"INV-8841" in content
        assert "ImageUrl" not in record.data

    async def test_another_process_reads_it_as_well(self, harness: AvidxchangeHarness) -> None:
        _, record = await self.invoice(harness)
        assert (await self.content(harness.source(), record)).startswith(b"%PDF-")

    async def test_a_link_that_has_ended_is_renewed_once(self, harness: AvidxchangeHarness) -> None:
        source, record = await self.invoice(harness)
        harness.sandbox.clock.advance(25 * 3600)
        assert (await self.content(source, record)).startswith(b"%PDF-")
        harness.fault("status", "GET", status=410, path="^/images/", times=None)
        with pytest.raises(RejectRecord, match="ended"):
            await self.content(source, record)
        images = [each for each in harness.sandbox.requests.entries() if each["path"].startswith("/images/")]
        assert [each["status"] for each in images] == [410, 200, 410, 410]

    async def test_an_invoice_without_image(self, harness: AvidxchangeHarness) -> None:
        source, record = await self.invoice(harness, image=False)
        assert isinstance(source, Attached)
        assert source.attachments(record) == ()

    async def test_what_is_no_pdf_or_too_large_is_refused(self, harness: AvidxchangeHarness) -> None:
        source, record = await self.invoice(harness)
        harness.fault("status", "GET", status=200, body="<html>Please sign in</html>", path="^/images/")
        with pytest.raises(RejectRecord, match="no PDF"):
            await self.content(source, record)
        harness.configuration = {"largest_image": 100}
        with pytest.raises(RejectRecord, match="largest_image"):
            await self.content(harness.source(), record)

    async def test_credentials_go_to_no_unknown_host(self, harness: AvidxchangeHarness) -> None:
        source, record = await self.invoice(harness)
        row = {"Id": int(record.ref.external_id), "ImageUrl": "https://elsewhere.example/5.pdf"}
        harness.fault("status", "GET", status=200, body={"Items": [row]}, path="invoiceIds")
        source = harness.source()
        with pytest.raises(RejectRecord, match=r"elsewhere\.example.*image_hosts"):
            await self.content(source, record)

    @pytest.mark.parametrize(("image_auth", "is_open"), [("same", False), ("none", True)])
    async def test_a_host_that_is_named_is_trusted(
        self, harness: AvidxchangeHarness, tmp_path: Path, image_auth: str, is_open: bool
    ) -> None:
        contract = tmp_path / "contract.yaml"
        contract.write_text(f"image_auth: {image_auth}\n", encoding="utf-8")
        harness.configuration = {"contract": contract, "image_hosts": ["localhost"]}
        harness.sandbox.settings.change({"image_requires_auth": not is_open})
        (made,) = await harness.invoices({})
        found = await harness.people.get(
            "/v1/invoices",
            params={"invoiceIds": str(made["Id"])},
            headers={
                "X-Avid-Company-Token": CREDENTIALS["company_token"],
                "X-Avid-User-Token": CREDENTIALS["user_token"],
            },
        )
        (row,) = found.json()["Items"]
        row["ImageUrl"] = row["ImageUrl"].replace("127.0.0.1", "localhost")
        harness.fault("status", "GET", status=200, body={"Items": [row]}, path="invoiceIds", times=None)
        source = harness.source()
        record = await fetched(source, "invoice", str(made["Id"]))
        assert (await self.content(source, record)).startswith(b"%PDF-")
