"""A world with accounts payable, and short names for what the tests write."""

from decimal import Decimal

import httpx

from headrace.sandbox.common.encoding import dump_bytes
from tests.integration.sandbox.dynamics_fo.server import infolog_of

COMPANIES = ("usmf", "demf")
FORMATS = {
    "default": ["Department", "CostCenter"],
    "ledger": ["MainAccount", "Department", "CostCenter"],
    "values": {"Department": ["SALES", "OPS"], "CostCenter": ["100", "0-7"]},
}
VENDORS = [
    {
        "dataAreaId": "usmf",
        "VendorAccountNumber": "1001",
        "VendorGroupId": "10",
        "VendorOrganizationName": "Acme Office",
    },
    {
        "dataAreaId": "usmf",
        "VendorAccountNumber": "US-101",
        "VendorGroupId": "10",
        "VendorOrganizationName": "Fabrikam",
    },
    {
        "dataAreaId": "demf",
        "VendorAccountNumber": "1001",
        "VendorGroupId": "10",
        "VendorOrganizationName": "Acme Europe",
    },
]
SETTLED = "VendorPaymentJournalLineSettledInvoices"
HEADERS = "/data/VendorInvoiceHeaders"


async def prepare(client: httpx.AsyncClient) -> None:
    await seed(client, dimension_formats=FORMATS, accounts_payable=list(COMPANIES))
    await seed(client, records={"VendorsV2": VENDORS})


async def seed(client: httpx.AsyncClient, **sections: object) -> None:
    (await client.post("/_sandbox/seed", content=dump_bytes(sections))).raise_for_status()


async def settings(client: httpx.AsyncClient, **changes: object) -> None:
    (await client.post("/_sandbox/settings", json=changes)).raise_for_status()


async def edit(client: httpx.AsyncClient, path: str, **fields: object) -> None:
    """Do what a person does in the client."""
    (await client.patch(f"/_sandbox/records/{path}", json=fields)).raise_for_status()


async def post(client: httpx.AsyncClient, set_name: str, **body: object) -> httpx.Response:
    content = dump_bytes({"dataAreaId": "usmf", **body})
    return await client.post(f"/data/{set_name}", content=content, headers={"content-type": "application/json"})


async def created(client: httpx.AsyncClient, set_name: str, **body: object) -> dict[str, object]:
    response = await post(client, set_name, **body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def refused(client: httpx.AsyncClient, set_name: str, **body: object) -> str:
    response = await post(client, set_name, **body)
    assert response.status_code == 400, response.text
    return infolog_of(response)


async def rows(client: httpx.AsyncClient, set_name: str, text: str = "") -> list[dict[str, object]]:
    query = {"cross-company": "true"} | ({"$filter": text} if text else {})
    response = await client.get(f"/data/{set_name}", params=query)
    assert response.status_code == 200, response.text
    return list(response.json()["value"])


async def invoice(client: httpx.AsyncClient, number: str, *amounts: str, **fields: object) -> str:
    """Create a pending invoice with a line for each amount; its reference is INV/<number>."""
    reference = str(fields.pop("HeaderReference", f"INV/{number}"))
    body = {"InvoiceAccount": "1001", "InvoiceNumber": number, "InvoiceDate": "2026-03-01T12:00:00Z", **fields}
    header = await created(client, "VendorInvoiceHeaders", HeaderReference=reference, **body)
    company = str(fields.get("dataAreaId", "usmf"))
    for amount in amounts or ("100.00",):
        line = {"dataAreaId": company, "HeaderReference": reference, "Currency": header["Currency"]}
        coding = {"MainAccountDisplayValue": "601500-SALES-100", "NetAmount": Decimal(amount)}
        await created(client, "VendorInvoiceLines", **line, **coding)
    return reference


async def act(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, list[dict[str, object]]]:
    response = await client.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def posted(client: httpx.AsyncClient, *references: str, company: str = "usmf") -> list[dict[str, object]]:
    """Post pending invoices, all of them where none is named, and expect no refusal."""
    body = {"references": list(references)} if references else {}
    outcome = await act(client, f"vendor_invoices/{company}/post", **body)
    assert outcome["refused"] == []
    return outcome["done"]


async def journal(client: httpx.AsyncClient, **fields: object) -> str:
    header = await created(client, "VendorPaymentJournalHeaders", JournalName="VendPay", **fields)
    return str(header["JournalBatchNumber"])


async def pay(client: httpx.AsyncClient, number: str, amount: str, **fields: object) -> httpx.Response:
    """Write a line that pays vendor 1001."""
    body = {"AccountDisplayValue": "1001", "CurrencyCode": "USD", "DebitAmount": Decimal(amount), **fields}
    return await post(client, "VendorPaymentJournalLines", JournalBatchNumber=number, **body)


async def settle(client: httpx.AsyncClient, number: str, invoice_number: str, **fields: object) -> httpx.Response:
    """Mark an invoice for line 1 of a journal."""
    body = {"JournalLineCompany": "usmf", "JournalBatchNumber": number, "JournalLineNumber": 1, **fields}
    content = dump_bytes({"InvoiceNumber": invoice_number, **body})
    return await client.post(f"/data/{SETTLED}", content=content, headers={"content-type": "application/json"})
