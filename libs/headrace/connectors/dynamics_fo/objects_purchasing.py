"""Purchase orders with their lines.

An order's number comes from the number sequence; `VendorOrderReference` carries our mark, `CustomerReference` that of a
line, which numbers itself. Source: Microsoft, "Purchase order header" and "Purchase order line" entities (V2).
"""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    DOCUMENT_NUMBER,
    LEDGER_ACCOUNT,
    TOTAL_AMOUNT,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

ORDER_NUMBER = "PurchaseOrderNumber"

PURCHASE_ORDER_LINES = EntitySet(
    name="PurchaseOrderLinesV2",
    key=(COMPANY, ORDER_NUMBER, "LineNumber"),
    required=((ORDER_NUMBER,), ("ItemNumber", "ProcurementProductCategoryName"), ("OrderedPurchaseQuantity",)),
    fields={
        **texts(4, COMPANY),
        **texts(20, ORDER_NUMBER, "ItemNumber", "ExternalItemNumber", "ProjectId"),
        **read_only(texts(20, "InventoryLotId")),
        **every("integer", "LineNumber"),  # Edm.Int64 here, a decimal in journals and invoices
        **texts(60, "ProcurementProductCategoryName", "CustomerReference"),
        **texts(1000, "LineDescription"),
        **every("decimal", "OrderedPurchaseQuantity", "PurchasePrice", "PurchasePriceQuantity", "LineAmount"),
        **every("decimal", "LineDiscountAmount", "LineDiscountPercentage", "FixedPriceCharges"),
        **texts(10, "PurchaseUnitSymbol", "SalesTaxGroupCode", "SalesTaxItemGroupCode"),
        **texts(10, "ReceivingSiteId", "ReceivingWarehouseId"),
        **every("date", "RequestedDeliveryDate", "ConfirmedDeliveryDate"),
        "PurchaseOrderLineStatus": Field("enum", enum="PurchStatus", read_only=True),
        "MainAccountIdDisplayValue": LEDGER_ACCOUNT,
        "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
        **every("boolean", "IsLineStopped"),
        **read_only(every("boolean", "IsDeleted")),
    },
)

PURCHASE_ORDERS = EntitySet(
    name="PurchaseOrderHeadersV2",
    key=(COMPANY, ORDER_NUMBER),
    required=(("OrderVendorAccountNumber",),),
    fields={
        **texts(4, COMPANY),
        **texts(20, ORDER_NUMBER, "OrderVendorAccountNumber", "InvoiceVendorAccountNumber", "ProjectId"),
        **texts(3, "CurrencyCode"),
        **texts(60, "PurchaseOrderName", "VendorOrderReference"),
        "PurchaseOrderStatus": Field("enum", enum="PurchStatus", read_only=True),
        "DocumentApprovalStatus": Field("enum", enum="VersioningDocumentState", read_only=True),
        **every("date", "AccountingDate", "RequestedDeliveryDate", "ConfirmedDeliveryDate", "RequestedShipDate"),
        **texts(10, "DefaultReceivingSiteId", "DefaultReceivingWarehouseId", "DeliveryModeId", "DeliveryTermsId"),
        **texts(10, "PaymentTermsName", "PaymentScheduleName", "VendorPaymentMethodName", "CashDiscountCode"),
        **texts(10, "SalesTaxGroupCode", "BuyerGroupId", "PurchaseOrderPoolId"),
        **texts(25, "OrdererPersonnelNumber", "RequesterPersonnelNumber"),
        **every("decimal", "CashDiscountPercentage", "TotalDiscountPercentage"),
        **every("boolean", "ArePricesIncludingSalesTax"),
        "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
    },
    # What an order that is there already is known by; neither is written.
    pseudo={DOCUMENT_NUMBER: Field("string"), TOTAL_AMOUNT: Field("decimal")},
    lists={"Lines": PURCHASE_ORDER_LINES.fields},
)
