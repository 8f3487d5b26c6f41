"""The demo's vendors and purchase orders fit the sandbox, and what it seeds can be invoiced."""

import httpx

from headrace.cli.demo.purchasing import companies_of, payables_seed
from headrace.cli.demo.world import COMPANIES
from tests.integration.sandbox.dynamics_fo.payables import act, created, rows, seed


async def test_the_excerpt_is_seeded_into_three_companies(sandbox: httpx.AsyncClient):
    companies = {name: {"currency": currency} for name, currency in COMPANIES.items()}
    await seed(sandbox, companies=companies, dimension_formats={"default": ["Department", "CostCenter"]})
    sections = payables_seed()
    await seed(sandbox, **sections)
    vendors = await rows(sandbox, "VendorsV2")
    assert len(vendors) == sum(len(companies_of(index)) for index in range(40))
    assert len({vendor["VendorAccountNumber"] for vendor in vendors}) == 40
    assert {vendor["CurrencyCode"] for vendor in vendors} == {"USD", "EUR", "GBP"}
    assert [vendor["OnHoldStatus"] for vendor in vendors].count("All") >= 2
    orders = await rows(sandbox, "PurchaseOrderHeadersV2")
    assert (len(orders), {order["dataAreaId"] for order in orders}) == (60, set(COMPANIES))
    lines = await rows(sandbox, "PurchaseOrderLinesV2")
    assert len(lines) == len(sections["records"]["PurchaseOrderLinesV2"])
    assert all(line["LineAmount"] > 0 for line in lines)
    for company, currency in COMPANIES.items():
        [bank] = await rows(sandbox, "BankAccounts", f"dataAreaId eq '{company}'")
        assert (bank["BankAccountId"], bank["CurrencyCode"]) == (f"{company.upper()} OPER", currency)


async def test_an_order_of_the_excerpt_is_invoiced(sandbox: httpx.AsyncClient):
    await seed(sandbox, companies={name: {"currency": currency} for name, currency in COMPANIES.items()})
    await seed(sandbox, **payables_seed(orders=10))
    order = next(row for row in await rows(sandbox, "PurchaseOrderHeadersV2") if row["dataAreaId"] == "usmf")
    account, number = order["OrderVendorAccountNumber"], order["PurchaseOrderNumber"]
    header = await created(sandbox, "VendorInvoiceHeaders", InvoiceAccount=account, InvoiceNumber="A-1")
    line = {"HeaderReference": header["HeaderReference"], "Currency": "USD", "PurchaseOrder": number}
    written = await created(
        sandbox, "VendorInvoiceLines", **line, ProcurementCategoryName="Components", PurchLineNumber=1
    )
    assert written["NetAmount"] > 0
    assert (await act(sandbox, "vendor_invoices/usmf/post"))["refused"] == []
    new = await created(sandbox, "PurchaseOrderHeadersV2", OrderVendorAccountNumber=account)
    assert new["PurchaseOrderNumber"] == "PO-010001"
