"""Purchase orders with their lines; they are only read."""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    LEDGER_ACCOUNT,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

PURCHASE_ORDER_LINES = EntitySet(
    name="PurchaseOrderLinesV2",
    key=(COMPANY, "PurchaseOrderNumber", "LineNumber"),
    creatable=False,
    fields=read_only(
        {
            **texts(4, COMPANY),
            **texts(20, "PurchaseOrderNumber", "ItemNumber", "ExternalItemNumber", "InventoryLotId", "ProjectId"),
            **every("integer", "LineNumber"),  # Edm.Int64 here, a decimal in journals and invoices
            **texts(60, "ProcurementProductCategoryName"),
            **texts(1000, "LineDescription"),
            **every("decimal", "OrderedPurchaseQuantity", "PurchasePrice", "PurchasePriceQuantity", "LineAmount"),
            **every("decimal", "LineDiscountAmount", "LineDiscountPercentage", "FixedPriceCharges"),
            **texts(10, "PurchaseUnitSymbol", "SalesTaxGroupCode", "SalesTaxItemGroupCode"),
            **texts(10, "ReceivingSiteId", "ReceivingWarehouseId"),
            **every("date", "RequestedDeliveryDate", "ConfirmedDeliveryDate"),
            "PurchaseOrderLineStatus": Field("enum", enum="PurchStatus"),
            "MainAccountIdDisplayValue": LEDGER_ACCOUNT,
            "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
            **every("boolean", "IsLineStopped", "IsDeleted"),
        }
    ),
)

PURCHASE_ORDERS = EntitySet(
    name="PurchaseOrderHeadersV2",
    key=(COMPANY, "PurchaseOrderNumber"),
    creatable=False,
    fields=read_only(
        {
            **texts(4, COMPANY),
            **texts(20, "PurchaseOrderNumber", "OrderVendorAccountNumber", "InvoiceVendorAccountNumber", "ProjectId"),
            **texts(3, "CurrencyCode"),
            **texts(60, "PurchaseOrderName", "VendorOrderReference"),
            "PurchaseOrderStatus": Field("enum", enum="PurchStatus"),
            "DocumentApprovalStatus": Field("enum", enum="VersioningDocumentState"),
            **every("date", "AccountingDate", "RequestedDeliveryDate", "ConfirmedDeliveryDate", "RequestedShipDate"),
            **texts(10, "DefaultReceivingSiteId", "DefaultReceivingWarehouseId", "DeliveryModeId", "DeliveryTermsId"),
            **texts(10, "PaymentTermsName", "PaymentScheduleName", "VendorPaymentMethodName", "CashDiscountCode"),
            **texts(10, "SalesTaxGroupCode", "BuyerGroupId", "PurchaseOrderPoolId"),
            **texts(25, "OrdererPersonnelNumber", "RequesterPersonnelNumber"),
            **every("decimal", "CashDiscountPercentage", "TotalDiscountPercentage"),
            **every("boolean", "ArePricesIncludingSalesTax"),
            "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
        }
    ),
    lists={"Lines": PURCHASE_ORDER_LINES.fields},
)
