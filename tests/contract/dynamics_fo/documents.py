"""Purchase orders and customer invoices: short names for what the tests write."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.core.contracts import Action, Operation
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.world import World, operation

ORDERS, ORDER_LINES = "PurchaseOrderHeadersV2", "PurchaseOrderLinesV2"
INVOICES, INVOICE_LINES = "CDSFreeTextInvoiceHeaders", "CDSFreeTextInvoiceLines"


def purchase(mark: str, company: str = "usmf", **fields: Any) -> Operation:
    base = {"dataAreaId": company, "VendorOrderReference": mark, "OrderVendorAccountNumber": "1001"}
    return operation(ORDERS, {**base, "CurrencyCode": "USD", **fields}, key=("dataAreaId", "VendorOrderReference"))


def bought(number: str, mark: str, **fields: Any) -> Operation:
    base = {"dataAreaId": "usmf", "PurchaseOrderNumber": number, "CustomerReference": mark, "ItemNumber": "1000"}
    amounts = {"OrderedPurchaseQuantity": Decimal(4), "PurchasePrice": Decimal("2.5")}
    key = ("dataAreaId", "PurchaseOrderNumber", "CustomerReference")
    return operation(ORDER_LINES, {**base, **amounts, **fields}, key=key)


def billed(reference: str, number: str = "AR-1", **fields: Any) -> Operation:
    base = {"dataAreaId": "usmf", "ExternalInvoiceId": reference, "CustomerAccount": "US-001", "CurrencyCode": "USD"}
    told = {"CustomerReference": number, "InvoiceDate": date(2026, 3, 1)}
    return operation(INVOICES, {**base, **told, **fields}, key=("dataAreaId", "ExternalInvoiceId"))


def sold(reference: str, number: int = 1, amount: str = "100.00", **fields: Any) -> Operation:
    base = {"dataAreaId": "usmf", "ExternalInvoiceId": reference, "LineNumber": Decimal(number)}
    coding = {"MainAccountDisplayValue": "401100-022-007", "TransactionCurrencyAmount": Decimal(amount)}
    return operation(INVOICE_LINES, {**base, **coding, **fields})


def look(obj: str, **key: Any) -> Operation:
    """Return the look for a record by a natural key alone, as mappings look for what a document tells."""
    return replace(operation(obj, {}, action=Action.UPDATE), key=key)


async def move(sandbox: World, number: str, action: str) -> None:
    """Let people confirm, receive, cancel or finalize a purchase order."""
    (await sandbox.admin.post(f"/_sandbox/purchase_orders/usmf/{number}/{action}")).raise_for_status()


async def post(sandbox: World, *references: str) -> list[dict[str, Any]]:
    return await payables.act(sandbox, "customer_invoices/usmf/post", references=list(references))
