"""Names on the wire: objects, their fields, and which of them hold times."""

from __future__ import annotations

from collections.abc import Mapping

VENDORS, CODES, ORDERS = "vendors", "enterpriseCodes", "purchaseOrders"
INVOICES, BATCHES, ACKNOWLEDGEMENTS = "invoices", "invoiceBatches", "exportHistories"
PAYMENTS, HISTORY = "payments", "paymentHistory"
SYSTEMS = "accountingSystems"

SYSTEM = "AccountingSystemId"
CHANGED = "LastChangedDate"
MOMENTS = frozenset({CHANGED, "DateClosed", "InsertDateTime"})
"""Points in time; every other date is a calendar date at midnight, which no time zone shifts."""

ADDRESS = ("Line1", "Line2", "City", "State", "PostalCode", "Country")

FIELDS: Mapping[str, tuple[str, ...]] = {
    VENDORS: (
        "VendorExternalSystemID",
        "VendorName",
        "NameOnCheck",
        "FedTaxId",
        "IsActive",
        "CurrencyCode",
        "Email",
        "Telephone1",
        "Website",
        "Address",
        "RemitToAddress",
        "Terms",
    ),
    CODES: ("GroupName", "CodeValue", "Description", "IsActive"),
    ORDERS: (
        "ExternalCode",
        "OrderNumber",
        "VendorExternalCode",
        "CurrencyCode",
        "OrderDate",
        "Status",
        "Description",
        "TotalAmount",
        "Taxes",
        "Discount",
        "IsActive",
        "LineItems",
    ),
}
"""What an item of a bulk call may hold."""
