"""Sales orders: defaults from customer and item, the mandatory site, the states in which a change is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, must_be_filled, related_value, validate_write
from headrace.sandbox.dynamics_fo.rules import holds
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.values import moment_text, to_decimal

HEADERS, LINES = "SalesOrderHeadersV2", "SalesOrderLines"
_FROM_CUSTOMER = {
    "CurrencyCode": "SalesCurrencyCode",
    "PaymentTermsName": "PaymentTerms",
    "PaymentScheduleName": "PaymentSchedule",
    "CustomerPaymentMethodName": "PaymentMethod",
    "CashDiscountCode": "PaymentCashDiscount",
    "SalesTaxGroupCode": "SalesTaxGroup",
    "DeliveryModeCode": "DeliveryMode",
    "DeliveryTermsCode": "DeliveryTerms",
    "DefaultShippingSiteId": "SiteId",
    "DefaultShippingWarehouseId": "WarehouseId",
    "LanguageId": "LanguageId",
    "DeliveryAddressName": "OrganizationName",
    "DeliveryAddressStreet": "AddressStreet",
    "DeliveryAddressCity": "AddressCity",
    "DeliveryAddressZipCode": "AddressZipCode",
    "DeliveryAddressStateId": "AddressState",
    "DeliveryAddressCountryRegionId": "AddressCountryRegionId",
    "DefaultLedgerDimensionDisplayValue": "DefaultDimensionDisplayValue",
}
_OPEN = ("None", "Backorder")


class HeaderRules(EntityRules):
    """`SalesOrderHeadersV2`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy the customer's terms; a new order asks for delivery today."""
        account = draft.get("OrderingCustomerAccountNumber")
        customer = work.related("CustomersV3", "CustomerAccount", account, draft.company)
        if customer is None or draft.original is not None:
            return
        for ours, theirs in _FROM_CUSTOMER.items():
            if theirs in customer.data:
                draft.default(ours, customer.data[theirs])
        draft.default("InvoiceCustomerAccountNumber", customer.data.get("InvoiceAccount") or account)
        draft.default("SalesOrderName", str(customer.data.get("OrganizationName", ""))[:60])
        draft.default("ArePricesIncludingSalesTax", customer.data.get("IsSalesTaxIncludedInPrices", "No"))
        draft.default("RequestedShippingDate", f"{work.now:%Y-%m-%d}T12:00:00Z")
        draft.default("RequestedReceiptDate", draft.get("RequestedShippingDate"))
        draft.values["SalesOrderStatus"] = "Backorder"
        draft.values["OrderCreationDateTime"] = moment_text(work.now)

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse orders of customers on hold, changes to closed orders, a warehouse of another site."""
        if draft.original is None:
            holds.check_new_order(work, draft)
        if draft.original is not None and draft.original.data.get("SalesOrderStatus", "None") not in _OPEN:
            status = draft.original.data["SalesOrderStatus"]
            raise WriteRefused(
                f"Error: Sales order {draft.get('SalesOrderNumber')} cannot be changed in status {status}.",
                validate_write("SalesTable"),
            )
        _check_warehouse(work, draft, "DefaultShippingSiteId", "DefaultShippingWarehouseId")

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Carry a changed site and warehouse over to the lines."""
        changed = {
            theirs: draft.get(ours)
            for ours, theirs in (
                ("DefaultShippingSiteId", "ShippingSiteId"),
                ("DefaultShippingWarehouseId", "ShippingWarehouseId"),
            )
            if draft.original is not None and draft.changes(ours) and draft.get(ours)
        }
        if changed:
            for line in order_lines(work, record):
                work.revise(LINES, line, changed, work.note)

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for orders that were delivered or invoiced; the lines go with the header."""
        if record.data.get("SalesOrderStatus", "None") not in (*_OPEN, "Canceled"):
            raise WriteRefused(
                f"Error: Sales order {record.data['SalesOrderNumber']} cannot be deleted, it has posted documents."
            )
        for line in order_lines(work, record):
            work.remove(LINES, line, work.note)


class LineRules(EntityRules):
    """`SalesOrderLines`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy from order and item: currency, unit, price, tax, site, warehouse, dates; then compute the amount."""
        header = _header(work, draft)
        if header is None:
            return
        item = work.related("ReleasedProductsV2", "ItemNumber", draft.get("ItemNumber"), draft.company)
        if draft.original is None:
            self._from_header(work, draft, header)
            self._from_item(draft, item)
        _deduce_site(work, draft)
        if "LineAmount" not in draft.supplied:
            draft.values["LineAmount"] = _line_amount(draft)

    def _from_header(self, work: Work, draft: Draft, header: Record) -> None:
        data = header.data
        draft.values["SalesOrderNumber"] = data["SalesOrderNumber"]
        for ours, theirs in (
            ("CurrencyCode", "CurrencyCode"),
            ("ShippingSiteId", "DefaultShippingSiteId"),
            ("ShippingWarehouseId", "DefaultShippingWarehouseId"),
            ("SalesTaxGroupCode", "SalesTaxGroupCode"),
            ("RequestedShippingDate", "RequestedShippingDate"),
            ("RequestedReceiptDate", "RequestedReceiptDate"),
            ("CustomerRequisitionNumber", "CustomerRequisitionNumber"),
            ("DefaultLedgerDimensionDisplayValue", "DefaultLedgerDimensionDisplayValue"),
        ):
            if theirs in data:
                draft.default(ours, data[theirs])
        existing = [line.data.get("LineCreationSequenceNumber", 0) for line in order_lines(work, header)]
        number = max(existing, default=0) + 1
        draft.values["LineCreationSequenceNumber"] = number
        draft.default("LineNumber", Decimal(number))
        draft.values["SalesOrderLineStatus"] = "Backorder"

    def _from_item(self, draft: Draft, item: Record | None) -> None:
        draft.default("OrderedSalesQuantity", Decimal(1))
        draft.default("SalesPriceQuantity", Decimal(1))
        draft.default("CalculateLineAmount", "Yes")
        if item is None:
            return
        draft.default("SalesUnitSymbol", item.data.get("SalesUnitSymbol", "ea"))
        draft.default("SalesPrice", to_decimal(item.data.get("SalesPrice", 0)))
        draft.default("SalesTaxItemGroupCode", item.data.get("SalesSalesTaxItemGroupCode", ""))
        draft.default("LineDescription", item.data.get("ProductSearchName", ""))
        draft.default("DefaultLedgerDimensionDisplayValue", item.data.get("DefaultLedgerDimensionDisplayValue", ""))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse lines of closed orders, blocked items, stocked items without a site."""
        header = _header(work, draft)
        number = draft.get("SalesOrderNumber")
        if header is None:
            raise WriteRefused(related_value(number, "Sales order", "Sales orders"), validate_write("SalesLine"))
        if header.data.get("SalesOrderStatus", "None") not in _OPEN:
            raise WriteRefused(
                f"Error: Sales order {number} cannot be changed in status {header.data['SalesOrderStatus']}.",
                validate_write("SalesLine"),
            )
        if not draft.get("ItemNumber"):
            if draft.get("SalesProductCategoryName"):
                return
            raise WriteRefused(must_be_filled("Item number"), validate_write("SalesLine"))
        item = work.related("ReleasedProductsV2", "ItemNumber", draft.get("ItemNumber"), draft.company)
        holds.check_item(work, item)
        holds.check_credit(work, draft, header)
        _check_warehouse(work, draft, "ShippingSiteId", "ShippingWarehouseId")
        stocked = item is not None and item.data.get("ProductType", "Item") == "Item"
        if stocked and work.settings.site_mandatory and not draft.get("ShippingSiteId"):
            raise WriteRefused(
                "Error: Inventory dimension Site is mandatory and must consequently be specified.",
                "Error: Update has been canceled.",
            )

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for lines that were delivered or invoiced."""
        if record.data.get("SalesOrderLineStatus", "None") not in (*_OPEN, "Canceled"):
            raise WriteRefused(f"Error: Order line {record.data['InventoryLotId']} has posted documents.")


def order_lines(work: Work, header: Record) -> list[Record]:
    """Return the lines of an order in the order of their creation."""
    found = work.store.find(LINES, "SalesOrderNumber", header.data["SalesOrderNumber"])
    return [line for line in found if line.data["dataAreaId"] == header.data["dataAreaId"]]


def _header(work: Work, draft: Draft) -> Record | None:
    return work.related(HEADERS, "SalesOrderNumber", draft.get("SalesOrderNumber"), draft.company)


def _line_amount(draft: Draft) -> Decimal:
    def number(name: str) -> Decimal:
        value: Any = draft.get(name)
        return to_decimal(value)

    per = number("SalesPriceQuantity") or Decimal(1)
    price = number("SalesPrice") / per - number("LineDiscountAmount")
    gross = number("OrderedSalesQuantity") * price
    net = gross * (1 - number("LineDiscountPercentage") / 100) - number("MultilineDiscountAmount")
    return to_currency(net + number("FixedPriceCharges"), str(draft.get("CurrencyCode")))


def _deduce_site(work: Work, draft: Draft) -> None:
    warehouse = work.related("Warehouses", "WarehouseId", draft.get("ShippingWarehouseId"), draft.company)
    if warehouse is not None:
        draft.default("ShippingSiteId", warehouse.data.get("OperationalSiteId", ""))


def _check_warehouse(work: Work, draft: Draft, site_field: str, warehouse_field: str) -> None:
    site, warehouse_id = draft.get(site_field), draft.get(warehouse_field)
    warehouse = work.related("Warehouses", "WarehouseId", warehouse_id, draft.company)
    if site and warehouse is not None and warehouse.data.get("OperationalSiteId", "") != site:
        raise WriteRefused(
            f"Error: Warehouse {warehouse_id} does not belong to site {site}.", validate_write(draft.entity.table)
        )


RULES: dict[str, EntityRules] = {HEADERS: HeaderRules(), LINES: LineRules()}
