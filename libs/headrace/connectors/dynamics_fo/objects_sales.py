"""Sales orders and their lines."""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    EntitySet,
    Field,
    address,
    every,
    read_only,
    texts,
)

_ADDRESS = (
    "Name",
    "Description",
    "Street",
    "StreetNumber",
    "City",
    "ZipCode",
    "StateId",
    "CountyId",
    "CountryRegionId",
)

ORDERS = EntitySet(
    name="SalesOrderHeadersV2",
    key=(COMPANY, "SalesOrderNumber"),
    required=(("OrderingCustomerAccountNumber",),),
    fields={
        **texts(4, COMPANY),
        **texts(20, "SalesOrderNumber", "OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber"),
        **texts(20, "CustomerRequisitionNumber", "QuotationNumber", "CampaignId", "ProjectId", "ContactPersonId"),
        **texts(60, "CustomersOrderReference", "SalesOrderName"),
        **texts(3, "CurrencyCode"),
        **texts(10, "SalesOrderOriginCode", "SalesOrderPoolId", "NumberSequenceGroupId"),
        **texts(10, "DefaultShippingSiteId", "DefaultShippingWarehouseId", "DeliveryModeCode", "DeliveryTermsCode"),
        **texts(10, "PaymentTermsName", "PaymentScheduleName", "CustomerPaymentMethodName", "CashDiscountCode"),
        **texts(10, "SalesTaxGroupCode"),
        **texts(255, "Email", "URL"),
        **texts(7, "LanguageId"),
        **texts(25, "OrderTakerPersonnelNumber", "OrderResponsiblePersonnelNumber"),
        **address("DeliveryAddress", *_ADDRESS),
        **read_only(texts(250, "FormattedDelveryAddress")),
        **every(
            "date", "RequestedShippingDate", "RequestedReceiptDate", "ConfirmedShippingDate", "ConfirmedReceiptDate"
        ),
        **every("date", "FixedDueDate"),
        **read_only(every("datetime", "OrderCreationDateTime")),
        "SalesOrderStatus": Field("enum", enum="SalesStatus", read_only=True),
        "SalesOrderProcessingStatus": Field("enum", enum="SalesOrderProcessingStatus", read_only=True),
        "InventoryReservationMethod": Field("enum", enum="ItemReservation"),
        **every("boolean", "IsSalesProcessingStopped", "IsDeliveryAddressOrderSpecific", "ArePricesIncludingSalesTax"),
        **every("boolean", "SkipCreateAutoCharges", "OverrideSalesTax"),
        **read_only(every("boolean", "AreTotalsCalculated")),
        **every("decimal", "TotalDiscountPercentage", "TotalDiscountAmount", "FixedExchangeRate"),
        **read_only(every("decimal", "OrderTotalAmount", "OrderTotalTaxAmount", "OrderTotalDiscountAmount")),
        "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
    },
)

LINES = EntitySet(
    name="SalesOrderLines",
    key=(COMPANY, "InventoryLotId"),
    required=(("SalesOrderNumber",), ("ItemNumber", "SalesProductCategoryName")),
    fields={
        **texts(4, COMPANY),
        **texts(
            20, "InventoryLotId", "SalesOrderNumber", "ItemNumber", "ExternalItemNumber", "CustomerRequisitionNumber"
        ),
        **texts(20, "ProjectId", "ProjectCategoryId"),
        **texts(60, "SalesProductCategoryName", "OrderLineReference"),
        **texts(1000, "LineDescription"),
        **texts(3, "CurrencyCode"),
        **texts(
            10, "SalesUnitSymbol", "ShippingSiteId", "ShippingWarehouseId", "SalesTaxGroupCode", "SalesTaxItemGroupCode"
        ),
        **texts(10, "ProductColorId", "ProductSizeId", "ProductStyleId"),
        **texts(50, "ProductConfigurationId", "ProductVersionId"),
        **every("decimal", "OrderedSalesQuantity", "SalesPrice", "SalesPriceQuantity", "LineAmount", "LineNumber"),
        **every(
            "decimal", "LineDiscountAmount", "LineDiscountPercentage", "MultilineDiscountAmount", "FixedPriceCharges"
        ),
        **every("integer", "LineCreationSequenceNumber", "CustomersLineNumber"),
        **every(
            "date", "RequestedShippingDate", "RequestedReceiptDate", "ConfirmedShippingDate", "ConfirmedReceiptDate"
        ),
        "SalesOrderLineStatus": Field("enum", enum="SalesStatus", read_only=True),
        **every("boolean", "IsLineStopped", "IsPriceLocked", "CalculateLineAmount"),
        **texts(20, "MainAccountIdDisplayValue"),
        "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
    },
)
