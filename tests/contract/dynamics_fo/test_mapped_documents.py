"""The shipped mappings of documents against the sandbox: an order and an invoice arrive, and come back as one thing."""

from datetime import date
from decimal import Decimal

import pytest

from headrace.core.event import Ref
from headrace.core.ids import marker
from headrace.mapping.documents import InMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import load
from headrace.mapping.results import Mapped
from headrace.testing.harness import source_of, target_of
from tests.contract.dynamics_fo import documents, payables
from tests.contract.dynamics_fo.documents import look
from tests.contract.dynamics_fo.payables import connect
from tests.contract.dynamics_fo.test_mapped import IN, Links, write
from tests.contract.dynamics_fo.world import World

VENDOR = {"entity": "vendor", "canonical_id": "vendor-1"}


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


@pytest.fixture
def links() -> Links:
    found = Links()
    found.known["vendor-1", "VendorsV2"] = "dataAreaId=usmf,VendorAccountNumber=1001"
    found.known["customer-1", "CustomersV3"] = "dataAreaId=usmf,CustomerAccount=US-001"
    found.known["account-1", "MainAccounts"] = "ChartOfAccounts=Shared,MainAccountId=401100"
    return found


async def test_a_purchase_order_arrives_and_is_told_as_what_it_is(sandbox: World, links: Links) -> None:
    connection = connect(sandbox)
    item = {"line_id": "1204/1", "product": {"entity": "product", "canonical_id": "product", "number": "1000"}}
    work = {"line_id": "1204/2", "description": "Installation", "net_amount": Decimal("9.99")}
    done = await write(
        connection,
        links,
        "purchase_order",
        "order-1",
        number="4711",
        vendor_reference="Q-17",
        status="open",
        vendor=VENDOR,
        currency="USD",
        payment_terms="Net 30",
        total={"amount": Decimal("45.99"), "currency": "USD"},
        requested_delivery_on=date(2026, 12, 24),
        lines=[{**item, "quantity": Decimal(4), "unit_price": Decimal(10), "discount_amount": Decimal(4)}, work],
    )
    assert not any("@differs" in written.record for written in done.values())
    amounts = [row["LineAmount"] for row in await sandbox.records(documents.ORDER_LINES)]
    assert amounts == [36, 9.99]
    header = done["header"]
    assert header.record["VendorOrderReference"] == marker("order-1")
    number = str(header.record["PurchaseOrderNumber"])

    record = await source_of(connection).fetch(Ref(documents.ORDERS, header.target_id))
    assert record is not None
    document = load(IN / "PurchaseOrderHeadersV2.purchase_order.yaml")
    assert isinstance(document, InMapping)
    told = map_in(document, record, links, connection.transforms)
    assert isinstance(told, Mapped)
    assert (told.data["number"], told.data["status"], told.data["vendor_reference"]) == (number, "open", None)
    assert told.data["requested_delivery_on"] == date(2026, 12, 24)
    assert [line["net_amount"] for line in told.data["lines"]] == [Decimal(36), Decimal("9.99")]
    assert links.canonical_id("purchase_order", documents.ORDERS, header.target_id) == "order-1"
    # A document that F&O printed of it is known for this order.
    found = await target_of(connection).find(look(documents.ORDERS, dataAreaId="usmf", DocumentNumber=number))
    assert found is not None
    assert found.target_id == header.target_id
    assert found.record["TotalAmount"] == Decimal("45.99")


async def test_a_customer_invoice_arrives_and_is_posted(sandbox: World, links: Links) -> None:
    connection = connect(sandbox)
    account = {"entity": "ledger_account", "canonical_id": "account-1", "number": "401100"}
    dimensions = [{"name": "Department", "value": "022"}, {"name": "Cost center", "value": "007"}]
    lines = [
        {"line_id": "1", "position": 1, "description": "Work", "amount": Decimal("120.50"), "ledger_account": account},
        {"line_id": "2", "position": 2, "amount": Decimal("-0.50"), "account": "401100", "dimensions": dimensions},
    ]
    done = await write(
        connection,
        links,
        "customer_invoice",
        "invoice-1",
        number="AR-8841",
        status="open",
        customer={"entity": "customer", "canonical_id": "customer-1"},
        currency="USD",
        invoice_date=date(2026, 3, 1),
        due_on=date(2026, 3, 15),
        total={"amount": Decimal(120), "currency": "USD"},
        lines=lines,
    )
    assert not any("@differs" in written.record for written in done.values())
    reference = marker("invoice-1")
    assert done["header"].target_id == f"dataAreaId=usmf,ExternalInvoiceId={reference}"
    coded = [row["MainAccountDisplayValue"] for row in await sandbox.records(documents.INVOICE_LINES)]
    assert coded == ["401100--", "401100-022-007"]
    (row,) = await documents.post(sandbox, reference)
    assert (row["CustomerReference"], row["DueDate"]) == ("AR-8841", "2026-03-15T12:00:00Z")
    (booked,) = await sandbox.records("CustInvoiceJourBiEntities")
    assert (booked["InvoiceAmount"], booked["CustomerRef"]) == (120, "AR-8841")
