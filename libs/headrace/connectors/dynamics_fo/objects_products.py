"""Released products."""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

STOPPED = "IsSalesProcessingStopped"

PRODUCTS = EntitySet(
    name="ReleasedProductsV2",
    key=(COMPANY, "ItemNumber"),
    creatable=False,  # a product is made and released through ReleasedProductCreationsV2
    fields={
        **texts(4, COMPANY),
        **texts(20, "ItemNumber", "SearchName", "PrimaryVendorAccountNumber"),
        **texts(70, "ProductNumber"),
        **texts(60, "ProductSearchName"),
        "ProductType": Field("enum", enum="EcoResProductType"),
        "ProductSubType": Field("enum", enum="EcoResProductSubtype"),
        **texts(10, "ItemModelGroupId", "ProductGroupId", "BuyerGroupId"),
        **texts(10, "InventoryUnitSymbol", "SalesUnitSymbol", "PurchaseUnitSymbol"),
        **texts(10, "SalesSalesTaxItemGroupCode", "PurchaseSalesTaxItemGroupCode"),
        **texts(20, "StorageDimensionGroupName", "TrackingDimensionGroupName", "ProductDimensionGroupName"),
        **texts(20, "ProductLifecycleStateId"),
        **every("decimal", "SalesPrice", "SalesPriceQuantity", "PurchasePrice", "PurchasePriceQuantity", "UnitCost"),
        **every("decimal", "NetProductWeight"),
        **every("date", "SalesPriceDate"),
        "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
    },
    # The shared product's texts, which the source reads from ProductsV2: a released product has no name of its own.
    # And whether it is stopped for sales, which its default order settings say.
    pseudo=read_only({**texts(60, "ProductName"), **every("memo", "ProductDescription"), **every("boolean", STOPPED)}),
)
