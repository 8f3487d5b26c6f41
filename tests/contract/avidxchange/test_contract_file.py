"""Another contract than the assumed one needs a file and no code."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from headrace.core.contracts import CheckState
from headrace.core.errors import StopConnection
from headrace.testing.suites.values import fetched, polled, records_of
from tests.contract.avidxchange.harness import AvidxchangeHarness

RENAMES = {
    "headers": {"X-Avid-Company-Token": "X-Company-Key", "X-Avid-User-Token": "X-User-Key"},
    "paths": {
        "/v1/vendors": "/connect/v3/payees",
        "/v1/invoices/batches/closed/acctgSysId/{}": "/connect/v3/closedBatches/{}",
        "/v1": "/connect/v3",
    },
    "fields": {
        "AchTraceNumber": "TraceNumber",
        "payments.Remittances": "PaidInvoices",
        "Net": "NetAmount",
        "BuyerVendor": "Supplier",
        "Distributions": "Lines",
        "VendorName": "Name",
        "Address": "MailingAddress",
        "Vendors": "Payees",
        "Results": "Outcomes",
        "Items": "Rows",
        "TotalItems": "Total",
        "LastChangedDate": "ModifiedOn",
    },
    "parameters": {"pageNumber": "page", "pageSize": "rows", "lastModifiedFrom": "from", "lastModifiedTo": "to"},
}
CONTRACT = {
    "api_prefix": "/connect/v3",
    "auth": {"company_token_header": "X-Company-Key", "user_token_header": "X-User-Key"},
    "paths": {"vendors": "/payees", "closed_batches": "/closedBatches/{accounting_system}"},
    "paging": {"number_parameter": "page", "size_parameter": "rows", "items": "Rows", "total": "Total"},
    "filters": {"modified_from": "from", "modified_to": "to"},
    "bulk": {"vendors": "Payees", "results": "Outcomes"},
    "fields": {
        "invoice": {
            "Vendor": "Supplier.VendorExternalSystemID",
            "VendorName": "Supplier.Name",
            "Distributions": "Lines",
            "LastChangedDate": "ModifiedOn",
        },
        "payment": {
            "AchTraceNumber": "TraceNumber",
            "Remittances": "PaidInvoices",
            "LastChangedDate": "ModifiedOn",
        },
        "remittance": {"Net": "NetAmount"},
        "vendor": {
            "VendorName": "Name",
            "LastChangedDate": "ModifiedOn",
            **{
                f"Address.{name}": f"MailingAddress.{name}"
                for name in ("Line1", "Line2", "City", "State", "PostalCode", "Country")
            },
        },
    },
}


@pytest.fixture
def corrected(harness: AvidxchangeHarness, tmp_path: Path) -> AvidxchangeHarness:
    """A system with other names, and the file that says so."""
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(CONTRACT), encoding="utf-8")
    harness.configuration = {"contract": path}
    harness.sandbox.settings.change({"renames": RENAMES})
    return harness


async def test_another_contract_reads_and_writes(corrected: AvidxchangeHarness) -> None:
    connection = corrected.connect(page_size=1)
    assert connection.source is not None
    assert connection.target is not None
    written = await connection.target.apply(corrected.create("Lakeside", "V00123"))
    assert written.record["VendorName"] == "Lakeside"
    assert written.record["Address.City"] == "Charlotte"
    made = await corrected.invoices({}, {})
    guid = (await corrected.batch())["BatchGUID"]
    (payment,) = await corrected.payments({"method": "AvidPay Direct", "status": "Cleared"})
    invoices = records_of(await polled(connection.source, "invoice"))
    assert [each.data["Id"] for each in invoices] == [each["Id"] for each in made]
    assert {each.data["VendorAccount"] for each in invoices} == {"V00123"}
    assert {len(each.data["Distributions"]) for each in invoices} == {2}
    assert all(each.complete and each.version for each in invoices)
    assert len((await corrected.call("GET", f"batches/{guid}"))["acknowledgements"]) == 1
    (found,) = records_of(await polled(connection.source, "payment"))
    assert found.complete
    assert found.data["AchTraceNumber"] == payment["AchTraceNumber"]
    assert [each["Net"] for each in found.data["Remittances"]] == [Decimal(100)]
    vendor = await fetched(connection.source, "vendor", written.target_id)
    assert vendor.data["Address"]["City"] == "Charlotte"


async def test_ping_is_content_with_it(corrected: AvidxchangeHarness) -> None:
    await corrected.target().apply(corrected.create("Lakeside", "V00123", **{"Address.Line2": "Dock 4"}))
    await corrected.payments({})
    lines = {check.name: check for check in await corrected.connect().ping()}
    assert not [check for check in lines.values() if check.state is CheckState.FAIL]
    assert lines["fields of vendor"].state is CheckState.PASS
    assert lines["fields of payment"].state is CheckState.PASS


async def test_without_the_file_nothing_works_and_is_told(harness: AvidxchangeHarness) -> None:
    harness.sandbox.settings.change({"renames": {"paths": RENAMES["paths"]}})
    with pytest.raises(StopConnection, match="contract"):
        await polled(harness.source(), "payment")


async def test_ping_names_the_fields_that_answers_lack(harness: AvidxchangeHarness) -> None:
    harness.sandbox.settings.change({"renames": {"fields": {"AchTraceNumber": "TraceNumber", "Net": "NetAmount"}}})
    await harness.payments({})
    lines = {check.name: check for check in await harness.connect().ping()}
    assert lines["fields of payment"].state is CheckState.WARN
    assert "AchTraceNumber, Remittances.Net" in lines["fields of payment"].detail
