"""Reading what accounts payable needs: vendors, accounts, dimension values, purchase orders, what was posted."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.core.contracts import Record
from headrace.core.errors import StopConnection
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from headrace.testing.suites import SourceSuite
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.harness import VendorsHarness, vendors_harness
from tests.contract.dynamics_fo.payables import connect, vendor
from tests.contract.dynamics_fo.world import World

ACME = Ref("VendorsV2", "dataAreaId=usmf,VendorAccountNumber=1001")
ORDER = {"dataAreaId": "usmf", "PurchaseOrderNumber": "PO-1", "OrderVendorAccountNumber": "1001", "CurrencyCode": "USD"}


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


async def poll(source: Any, obj: str, cursor: Mapping[str, str] | None = None) -> tuple[list[Record], dict[str, str]]:
    pages = [page async for page in source.changes(obj, cursor or {})]
    return [record for page in pages for record in page.records], dict(pages[-1].cursor)


async def later(sandbox: World) -> None:
    (await sandbox.admin.post("/_sandbox/clock", json={"advance_seconds": 100})).raise_for_status()


async def swept(sandbox: World, source: Any, obj: str) -> tuple[list[Record], dict[str, str]]:
    """Read everything; what was there before and what comes after are outside of the overlap."""
    await later(sandbox)
    found = await poll(source, obj)
    await later(sandbox)
    return found


def address(location: str, street: str, roles: str = "RemitTo", **fields: Any) -> dict[str, Any]:
    return {
        "dataAreaId": "usmf",
        "VendorLegalEntityId": "USMF",
        "VendorAccountNumber": "1001",
        "AddressLocationId": location,
        "AddressValidFrom": "2020-01-01T00:00:00Z",
        "AddressValidTo": "2154-12-31T23:59:59Z",
        "AddressStreet": street,
        "AddressCity": "Charlotte",
        "AddressZipCode": "28201",
        "AddressLocationRoles": roles,
        **fields,
    }


class TestVendorsAsASource(SourceSuite):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[VendorsHarness]:
        async with vendors_harness(tmp_path) as found:
            yield found

    async def test_an_address_belongs_to_its_vendor_whatever_its_key(self, harness: VendorsHarness) -> None:
        made = {await harness.make("Vendor", key): key for key in harness.keys}
        pages = [page async for page in harness.source().changes("VendorsV2", {})]
        found = {record.ref.external_id: record.data for page in pages for record in page.records}
        assert {made[identity]: data["RemitToStreet"] for identity, data in found.items()} == {
            key: f"Box of {key}" for key in harness.keys
        }


class TestVendors:
    async def test_the_address_that_payments_go_to(self, sandbox: World) -> None:
        over = {"AddressValidTo": "2021-01-01T00:00:00Z", "IsPrimary": "Yes"}
        yet = {"AddressValidFrom": "2150-01-01T00:00:00Z", "IsPrimary": "Yes"}
        rows = [
            address("1", "Dock", "Business"),
            address("2", "Old box", **over),
            address("3", "Coming box", **yet),
            address("4", "PO Box 77", "Business;RemitTo"),
            address("5", "PO Box 78"),
        ]
        await sandbox.seed(records={"VendVendorPostalAddresses": rows})
        source = source_of(connect(sandbox))
        found, _ = await poll(source, "VendorsV2")
        by_id = {record.ref.external_id: record.data for record in found}
        acme = by_id[ACME.external_id]
        assert (acme["RemitToStreet"], acme["RemitToCity"], acme["RemitToZipCode"]) == (
            "PO Box 77",
            "Charlotte",
            "28201",
        )
        assert acme["RemitToStateId"] is None
        assert by_id["dataAreaId=demf,VendorAccountNumber=1001"]["RemitToStreet"] is None, "another company's vendor"

        await sandbox.seed(records={"VendVendorPostalAddresses": [address("5", "PO Box 78", IsPrimary="Yes")]})
        record = await source.fetch(ACME)
        assert record is not None
        assert record.data["RemitToStreet"] == "PO Box 78"

    async def test_addresses_that_may_not_be_read_leave_it_open(self, sandbox: World) -> None:
        record = await source_of(connect(sandbox, absent_fields={"VendorsV2": ["RemitToStreet"]})).fetch(ACME)
        assert record is not None
        assert not any(name.startswith("RemitTo") for name in record.data)
        assert not any("PostalAddresses" in each["path"] for each in await payables.requests(sandbox))

    async def test_one_request_reads_the_addresses_of_many(self, sandbox: World) -> None:
        await sandbox.seed(records={"VendorsV2": [vendor(f"V{number}") for number in range(15)]})
        await poll(source_of(connect(sandbox, legal_entities=["usmf"])), "VendorsV2")
        asked = [each for each in await payables.requests(sandbox) if "PostalAddresses" in each["path"]]
        assert len(asked) == 1

    async def test_only_what_changed_comes_again(self, sandbox: World) -> None:
        source = source_of(connect(sandbox, overlap_seconds=1))
        _, cursor = await swept(sandbox, source, "VendorsV2")
        await sandbox.seed(records={"VendorsV2": [vendor("US-101", OnHoldStatus="All", IsOneTimeVendor="Yes")]})
        (record,), _ = await poll(source, "VendorsV2", cursor)
        assert (record.data["VendorAccountNumber"], record.data["OnHoldStatus"]) == ("US-101", "All")
        assert record.data["IsOneTimeVendor"] is True
        assert record.modified_at is not None

    async def test_bank_accounts_of_vendors_are_never_asked_for(self, sandbox: World) -> None:
        connection = connect(sandbox)
        for obj in ("VendorsV2", "VendInvoiceJourBiEntities", "VendorPaymentJournalHeaders"):
            for record in (await poll(source_of(connection), obj))[0]:
                assert payables.BANK_NUMBER not in str(record.data)
                assert "BankAccountId" not in record.data
        await connection.ping()
        asked = [each["path"] for each in await payables.requests(sandbox)]
        assert any("VendorsV2" in path for path in asked)
        assert not [
            path for path in asked if "VendorBankAccounts" in path or "BankAccountId" in path.partition("VendorsV2")[2]
        ]


class TestLedger:
    async def test_an_account_counts_where_its_chart_is_used(self, sandbox: World) -> None:
        other = {"ChartOfAccounts": "Elsewhere", "MainAccountId": "999", "Name": "Not ours"}
        await sandbox.seed(records={"MainAccounts": [other]})
        source = source_of(connect(sandbox, legal_entities=["demf", "usmf"], overlap_seconds=1))
        found, cursor = await swept(sandbox, source, "MainAccounts")
        accounts = {record.data["MainAccountId"]: record for record in found}
        assert "999" not in accounts
        assert accounts["601500"].data["LegalEntities"] == ["demf", "usmf"]
        assert await source.fetch(accounts["601500"].ref) == accounts["601500"]
        assert await source.fetch(Ref("MainAccounts", "ChartOfAccounts=Elsewhere,MainAccountId=999")) is None

        chart = accounts["601500"].data["ChartOfAccounts"]
        suspended = {"ChartOfAccounts": chart, "MainAccountId": "601500", "Name": "Supplies", "IsSuspended": "Yes"}
        await sandbox.seed(records={"MainAccounts": [suspended]})
        (changed,), _ = await poll(source, "MainAccounts", cursor)
        assert (changed.ref, changed.data["IsSuspended"]) == (accounts["601500"].ref, True)

    async def test_companies_with_charts_of_their_own(self, sandbox: World) -> None:
        own = {"LegalEntityId": "demf", "ChartOfAccounts": "SKR", "AccountingCurrency": "EUR"}
        account = {"ChartOfAccounts": "SKR", "MainAccountId": "601500", "Name": "Büromaterial"}
        await sandbox.seed(records={"Ledgers": [own], "MainAccounts": [account]})
        found, _ = await poll(source_of(connect(sandbox)), "MainAccounts")
        assert {
            record.ref.external_id: record.data["LegalEntities"]
            for record in found
            if record.data["MainAccountId"] == "601500"
        } == {
            "ChartOfAccounts=SKR,MainAccountId=601500": ["demf"],
            "ChartOfAccounts=Shared,MainAccountId=601500": ["usmf"],
        }

    async def test_dimension_values_of_the_format_and_of_the_list(self, sandbox: World) -> None:
        def value(dimension: str, text: str, company: str) -> dict[str, str]:
            return {"FinancialDimension": dimension, "DimensionValue": text, "LegalEntityId": company}

        rows = [value("Department", "077", "usmf"), value("Department", "078", "gbsi")]
        await sandbox.seed(records={"FinancialDimensionValues": rows})
        plain, _ = await poll(source_of(connect(sandbox)), "FinancialDimensionValues")
        values = {record.data["DimensionValue"]: record for record in plain}
        assert sorted(values) == ["007", "022", "077", "R-D"]
        assert values["077"].data["LegalEntities"] == ["usmf"]
        assert values["022"].data["LegalEntities"] == ["demf", "usmf"]
        assert values["022"].ref.external_id == "FinancialDimension=Department,LegalEntityId=,DimensionValue=022"
        source = source_of(connect(sandbox, dimensions=["Project"]))
        assert await source.fetch(values["022"].ref) == values["022"]
        assert "P-1" in {
            record.data["DimensionValue"] for record in (await poll(source, "FinancialDimensionValues"))[0]
        }
        elsewhere = "FinancialDimension=Department,LegalEntityId=gbsi,DimensionValue=078"
        assert await source.fetch(Ref("FinancialDimensionValues", elsewhere)) is None

    async def test_without_any_dimension_configured_the_remedy_is_told(self, sandbox: World) -> None:
        with pytest.raises(StopConnection, match="dimension_format"):
            await poll(source_of(sandbox.connect(dimension_format=None)), "FinancialDimensionValues")


class TestPurchaseOrders:
    @pytest.fixture(autouse=True)
    async def orders(self, sandbox: World) -> None:
        line = {"dataAreaId": "usmf", "PurchaseOrderNumber": "PO-1", "ItemNumber": "1000", "PurchasePrice": 2.5}
        lines = [{**line, "LineNumber": number, "OrderedPurchaseQuantity": 4} for number in (2, 1)]
        await sandbox.seed(records={"PurchaseOrderHeadersV2": [ORDER], "PurchaseOrderLinesV2": lines})

    async def test_come_with_their_lines(self, sandbox: World) -> None:
        source = source_of(connect(sandbox))
        (record,), _ = await poll(source, "PurchaseOrderHeadersV2")
        assert record.complete
        assert [(line["LineNumber"], line["PurchasePrice"]) for line in record.data["Lines"]] == [
            (1, Decimal("2.5")),
            (2, Decimal("2.5")),
        ]
        assert await source.fetch(record.ref) == record

    async def test_a_changed_line_tells_of_its_order_once(self, sandbox: World) -> None:
        source = source_of(connect(sandbox, overlap_seconds=1, page_size=1))
        _, cursor = await swept(sandbox, source, "PurchaseOrderHeadersV2")
        assert (await poll(source, "PurchaseOrderHeadersV2", cursor))[0] == []
        line = {"dataAreaId": "usmf", "PurchaseOrderNumber": "PO-1", "LineNumber": 2, "PurchasePrice": 3}
        await sandbox.seed(records={"PurchaseOrderLinesV2": [line]})
        found, _ = await poll(source, "PurchaseOrderHeadersV2", cursor)
        assert [record.ref.external_id for record in found] == ["dataAreaId=usmf,PurchaseOrderNumber=PO-1"]
        assert found[0].data["Lines"][1]["PurchasePrice"] == 3

    async def test_without_the_clock_of_lines_new_orders_are_found(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/PurchLineBiEntities", status=404, times=None)
        source = source_of(connect(sandbox, overlap_seconds=1))
        _, cursor = await swept(sandbox, source, "PurchaseOrderHeadersV2")
        await sandbox.seed(records={"PurchaseOrderHeadersV2": [{**ORDER, "PurchaseOrderNumber": "PO-2"}]})
        found, _ = await poll(source, "PurchaseOrderHeadersV2", cursor)
        assert [record.data["PurchaseOrderNumber"] for record in found] == ["PO-2"]
        assert found[0].data["Lines"] == []


class TestWhatWasPosted:
    async def test_an_invoice(self, sandbox: World) -> None:
        connection = connect(sandbox, overlap_seconds=1)
        source, target = source_of(connection), target_of(connection)
        _, cursor = await swept(sandbox, source, "VendInvoiceJourBiEntities")
        await target.apply(payables.invoice("HR-1"))
        await target.apply(payables.line("HR-1"))
        (row,) = await payables.post_invoices(sandbox)
        (record,), _ = await poll(source, "VendInvoiceJourBiEntities", cursor)
        assert record.ref.external_id == f"dataAreaId=usmf,SourceKey={row['SourceKey']}"
        assert record.data["LedgerVoucher"] == row["LedgerVoucher"]
        assert (record.data["InvoiceId"], record.data["InvoiceAmount"]) == ("A-1", 100)
        assert record.data["InvoiceDate"] == date(2026, 3, 1)
        assert record.modified_at is not None
        assert await source.fetch(record.ref) == record

    async def test_a_journal(self, sandbox: World) -> None:
        connection = connect(sandbox, overlap_seconds=1)
        source, target = source_of(connection), target_of(connection)
        number = (await target.apply(payables.journal("batch 1"))).record["JournalBatchNumber"]
        written = await target.apply(payables.payment(number, "091000019876543"))
        (record,), cursor = await swept(sandbox, source, "VendorPaymentJournalHeaders")
        assert record.data["IsPosted"] is False
        assert (await poll(source, "VendorPaymentJournalHeaders", cursor))[0] == []
        await payables.post_journal(sandbox, number)
        (record,), _ = await poll(source, "VendorPaymentJournalHeaders", cursor)
        assert (record.data["JournalBatchNumber"], record.data["IsPosted"]) == (number, True)
        assert record.modified_at is not None
        line = await source.fetch(Ref("VendorPaymentJournalLines", written.target_id))
        assert line is not None
        assert line.ref.external_id == written.target_id == f"dataAreaId=usmf,JournalBatchNumber={number},LineNumber=1"
        assert line.data["PaymentReference"] == "091000019876543"
