"""Purchase orders: defaults from the vendor, amounts of lines, the states in which a change is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, must_be_filled, validate_write
from headrace.sandbox.dynamics_fo.rules import vendor_holds
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.values import to_decimal

HEADERS, LINES = "PurchaseOrderHeadersV2", "PurchaseOrderLinesV2"
_FROM_VENDOR = {
    "CurrencyCode": "CurrencyCode",
    "PaymentTermsName": "DefaultPaymentTermsName",
    "VendorPaymentMethodName": "DefaultVendorPaymentMethodName",
    "CashDiscountCode": "CashDiscountCode",
    "SalesTaxGroupCode": "SalesTaxGroupCode",
    "LanguageId": "LanguageId",
    "DefaultLedgerDimensionDisplayValue": "DefaultLedgerDimensionDisplayValue",
}
_OPEN = ("None", "Backorder")
_CLOSED = ("InReview", "InExternalReview", "Confirmed", "Finalized")
"""Approval statuses in which an order stays as it is; a confirmed one, as a setting has it."""


class HeaderRules(EntityRules):
    """`PurchaseOrderHeadersV2`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy the vendor's terms; without change management an order is approved from its first day (unverified)."""
        account = draft.get("OrderVendorAccountNumber")
        vendor = vendor_holds.vendor(work, account, draft.company)
        if vendor is None or draft.original is not None:
            return
        for ours, theirs in _FROM_VENDOR.items():
            if theirs in vendor.data:
                draft.default(ours, vendor.data[theirs])
        draft.default("InvoiceVendorAccountNumber", vendor.data.get("InvoiceVendorAccountNumber") or account)
        draft.default("PurchaseOrderName", str(vendor.data.get("VendorOrganizationName", ""))[:60])
        draft.default("AccountingDate", work.today)
        draft.default("RequestedDeliveryDate", work.today)
        draft.values["PurchaseOrderStatus"] = "Backorder"
        managed = draft.get("IsChangeManagementActive") == "Yes"
        draft.values["DocumentApprovalStatus"] = "Draft" if managed else "Approved"

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse orders at vendors on hold and changes to closed orders."""
        if draft.original is None:
            account = draft.get("OrderVendorAccountNumber")
            vendor_holds.check_vendor(work, account, draft.company, vendor_holds.PURCHASE_ORDER, "PurchTable")
        else:
            _check_open(work, draft.original, "PurchTable")

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for orders that were received or invoiced; the lines go with the header."""
        if record.data.get("PurchaseOrderStatus", "None") not in (*_OPEN, "Canceled"):
            number = record.data["PurchaseOrderNumber"]
            raise WriteRefused(f"Error: Purchase order {number} cannot be deleted, it has posted documents.")
        for line in order_lines(work, record):
            work.remove(LINES, line, work.note)


class LineRules(EntityRules):
    """`PurchaseOrderLinesV2`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Number the line, copy from order and item, then compute the amount."""
        header = _header(work, draft)
        if header is None:
            return
        if draft.original is None:
            numbers = [int(line.data["LineNumber"]) for line in order_lines(work, header)]
            draft.default("LineNumber", max(numbers, default=0) + 1)
            for ours, theirs in (
                ("SalesTaxGroupCode", "SalesTaxGroupCode"),
                ("RequestedDeliveryDate", "RequestedDeliveryDate"),
                ("ReceivingSiteId", "DefaultReceivingSiteId"),
                ("ReceivingWarehouseId", "DefaultReceivingWarehouseId"),
                ("DefaultLedgerDimensionDisplayValue", "DefaultLedgerDimensionDisplayValue"),
            ):
                if theirs in header.data:
                    draft.default(ours, header.data[theirs])
            draft.default("OrderedPurchaseQuantity", Decimal(1))
            draft.default("PurchasePriceQuantity", Decimal(1))
            item = work.related("ReleasedProductsV2", "ItemNumber", draft.get("ItemNumber"), draft.company)
            if item is not None:
                draft.default("PurchaseUnitSymbol", item.data.get("PurchaseUnitSymbol", "ea"))
                draft.default("PurchasePrice", to_decimal(item.data.get("PurchasePrice", 0)))
                draft.default("LineDescription", item.data.get("ProductSearchName", ""))
            draft.values["PurchaseOrderLineStatus"] = "Backorder"
        if "LineAmount" not in draft.supplied:
            draft.values["LineAmount"] = _line_amount(draft, str(header.data.get("CurrencyCode", "")))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse lines of closed orders, and lines that say neither item nor category."""
        header = _header(work, draft)
        if header is not None:
            _check_open(work, header, "PurchLine")
        if not draft.get("ItemNumber") and not draft.get("ProcurementProductCategoryName"):
            raise WriteRefused(must_be_filled("Item number"), validate_write("PurchLine"))
        if draft.get("LineNumber") < 0:
            raise WriteRefused(
                f"Error: Line number {draft.get('LineNumber')} is negative.", validate_write("PurchLine")
            )

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for lines that were received or invoiced, and of closed orders."""
        number, company = record.data["PurchaseOrderNumber"], str(record.data["dataAreaId"])
        header = work.related(HEADERS, "PurchaseOrderNumber", number, company)
        if header is not None:
            _check_open(work, header, "PurchLine")
        if record.data.get("PurchaseOrderLineStatus", "None") not in (*_OPEN, "Canceled"):
            raise WriteRefused(f"Error: Purchase order line {record.data['InventoryLotId']} has posted documents.")


def order_lines(work: Work, header: Record) -> list[Record]:
    """Return the lines of a purchase order in the order of their creation."""
    found = work.store.find(LINES, "PurchaseOrderNumber", header.data["PurchaseOrderNumber"])
    return [line for line in found if line.data["dataAreaId"] == header.data["dataAreaId"]]


def _header(work: Work, draft: Draft) -> Record | None:
    return work.related(HEADERS, "PurchaseOrderNumber", draft.get("PurchaseOrderNumber"), draft.company)


def _check_open(work: Work, header: Record, table: str) -> None:
    status, approval = header.data.get("PurchaseOrderStatus", "None"), header.data.get("DocumentApprovalStatus", "")
    if approval == "Confirmed" and work.settings.confirmed_orders == "change":
        approval = ""
    stops = status if status not in _OPEN else approval if approval in _CLOSED else ""
    if stops:
        number = header.data["PurchaseOrderNumber"]
        raise WriteRefused(
            f"Error: Purchase order {number} cannot be changed in status {stops}.", validate_write(table)
        )


def _line_amount(draft: Draft, currency: str) -> Decimal:
    def number(name: str) -> Decimal:
        value: Any = draft.get(name)
        return to_decimal(value)

    per = number("PurchasePriceQuantity") or Decimal(1)
    price = number("PurchasePrice") / per - number("LineDiscountAmount")
    net = number("OrderedPurchaseQuantity") * price * (1 - number("LineDiscountPercentage") / 100)
    return to_currency(net + number("FixedPriceCharges"), currency)


RULES: dict[str, EntityRules] = {HEADERS: HeaderRules(), LINES: LineRules()}
