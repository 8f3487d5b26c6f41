"""Enumerations: members in the order of their values; the JSON form of a member is its name."""

from __future__ import annotations

from collections.abc import Mapping

ENUMS: Mapping[str, tuple[str, ...]] = {
    "NoYes": ("No", "Yes"),
    "NumberSequenceType": ("DataArea", "LegalEntity"),
    "RoleAssignmentStatus": ("None", "Enabled", "Disabled"),
    "RoleAssignmentMode": ("None", "Automatic", "Manual"),
    "SalesStatus": ("None", "Backorder", "Delivered", "Invoiced", "Canceled"),
    "SalesOrderProcessingStatus": (
        "Active",
        "Confirmed",
        "Picked",
        "PartiallyDelivered",
        "Delivered",
        "Invoiced",
        "PartiallyInvoiced",
        "Canceled",
        "DeliveredPartiallyInvoiced",
    ),
    "DocumentStatus": ("None", "Quotation", "PurchaseOrder", "Confirmation", "PickingList", "PackingSlip", "Invoice"),
    "CustVendorBlocked": ("No", "Invoice", "All", "Payment", "Requisition", "Never", "PurchOrder"),
    "InvoiceOrderAccount": ("InvoiceAccount", "OrderAccount"),
    "EcoResProductType": ("None", "Item", "Service"),
    "EcoResProductSubtype": ("None", "Product", "ProductMaster", "ProductVariant"),
    "ItemReservation": ("None", "Manual", "Automatic", "Explosion"),
    "LedgerJournalACType": ("Ledger", "Cust", "Vend", "Project", "FixedAssets", "Bank"),
    "DimensionLedgerAccountType": (
        "ProfitAndLoss",
        "Revenue",
        "Expense",
        "BalanceSheet",
        "Asset",
        "Liability",
        "Equity",
        "Total",
        "Reporting",
        "Blank",
    ),
    "ExchangeRateDisplayFactor": ("One", "Ten", "Hundred", "Thousand", "TenThousand"),
    "DimensionFormatType": (
        "DataEntityDefaultDimensionFormat",
        "DataEntityLedgerDimensionFormat",
        "BudgetRegisterDimensionFormat",
        "BudgetPlanningDimensionFormat",
    ),
    "BusinessEventsEndpointType": (
        "AzureServiceBusQueue",
        "AzureServiceBusTopic",
        "AzureEventGrid",
        "Flow",
        "AzureEventHub",
        "Http",
        "AzureBlobStorage",
        "CDS",
    ),
}
# LedgerJournalACType and CDS have gaps in their values (4 and 7 are unused).
ENUM_VALUES: Mapping[str, tuple[int, ...]] = {
    "LedgerJournalACType": (0, 1, 2, 3, 5, 6),
    "BusinessEventsEndpointType": (0, 1, 2, 3, 4, 5, 6, 8),
}
