"""Products: shared ones, released ones, and the entity that creates both at once."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import (
    COMPANY,
    Entity,
    Property,
    Sequence,
    choice,
    dates,
    decimals,
    text,
    texts,
    yes_no,
)

_DIMENSION_GROUPS = ("StorageDimensionGroupName", "TrackingDimensionGroupName", "ProductDimensionGroupName")
_UNITS = ("InventoryUnitSymbol", "SalesUnitSymbol", "PurchaseUnitSymbol", "BOMUnitSymbol")


def _groups(*, required: bool) -> tuple[Property, ...]:
    return (
        text("ItemModelGroupId", 10, label="Item model group", required=required),
        text("ProductGroupId", 10, label="Item group", required=required),
        text("StorageDimensionGroupName", 10, label="Storage dimension group", required=required),
        text("TrackingDimensionGroupName", 10, label="Tracking dimension group", required=required),
        text("ProductDimensionGroupName", 10),
    )


CREATIONS = Entity(
    set="ReleasedProductCreationsV2",
    type="ReleasedProductCreationV2",
    aot="EcoResReleasedProductCreationV2Entity",
    table="InventTable",
    label="Released products",
    key=("dataAreaId", "ItemNumber"),
    data_sources=3,
    sequences=(Sequence("ItemNumber", "I######", "both"),),
    properties=(
        COMPANY,
        text("ItemNumber", 20, label="Item number"),
        text("ProductNumber", 70, label="Product number"),
        text("ProductName", 60, label="Product name"),
        text("ProductDescription", 1000),
        *texts(20, "ProductSearchName", "SearchName"),
        choice("ProductType", "EcoResProductType", label="Product type", required=True),
        choice("ProductSubType", "EcoResProductSubtype", label="Product subtype", required=True),
        text("ServiceType", 20),
        *_groups(required=True),
        *texts(10, *_UNITS),
        *texts(10, "SalesSalesTaxItemGroupCode", "PurchaseSalesTaxItemGroupCode"),
        text("RetailProductCategoryname", 60),
        *yes_no("IsCatchWeightProduct"),
        text("VariantConfigurationTechnology", 30),
    ),
)

RELEASED = Entity(
    set="ReleasedProductsV2",
    type="ReleasedProductV2",
    aot="EcoResReleasedProductV2Entity",
    table="InventTable",
    label="Released products",
    key=("dataAreaId", "ItemNumber"),
    data_sources=3,
    indexed=("ItemNumber", "ProductNumber"),
    properties=(
        COMPANY,
        text("ItemNumber", 20, label="Item number", required=True),
        text("ProductNumber", 70, label="Product number", required=True, lookup=lookups.PRODUCT),
        *texts(20, "SearchName", "ProductSearchName"),
        choice("ProductType", "EcoResProductType", read_only=True),
        choice("ProductSubType", "EcoResProductSubtype", read_only=True),
        *_groups(required=False),
        *texts(10, *_UNITS),
        *decimals("SalesPrice", "SalesPriceQuantity", "PurchasePrice", "PurchasePriceQuantity", "UnitCost"),
        *dates("SalesPriceDate", "PurchasePriceDate"),
        *texts(10, "SalesSalesTaxItemGroupCode", "PurchaseSalesTaxItemGroupCode"),
        *texts(20, "PrimaryVendorAccountNumber", "BuyerGroupId", "ProductLifecycleStateId"),
        *decimals("NetProductWeight"),
        text("DefaultLedgerDimensionDisplayValue", 500, dimension="default"),
    ),
)

# Names as in generated clients of 2025; there are many more, and the second "stopped" is written so.
ORDER_SETTINGS = Entity(
    set="ProductDefaultOrderSettings",
    type="ProductDefaultOrderSettings",
    aot="InventProductDefaultOrderSettingsEntity",
    table="InventItemSalesSetup",
    label="Default order settings",
    key=("dataAreaId", "ItemNumber"),
    data_sources=4,
    indexed=("ItemNumber",),
    properties=(
        COMPANY,
        text("ItemNumber", 20, label="Item number", required=True, lookup=lookups.RELEASED_PRODUCT),
        *yes_no("IsSalesProcessingStopped", "IsProcurementProcessingstopped", "IsInventoryProcessingStopped"),
        *decimals("MinimumSalesOrderQuantity", "MaximumSalesOrderQuantity", "StandardSalesOrderQuantity"),
        *decimals("SalesQuantityMultiples"),
    ),
)

PRODUCTS = Entity(
    set="ProductsV2",
    type="ProductV2",
    aot="EcoResProductV2Entity",
    table="EcoResProduct",
    label="Products",
    key=("ProductNumber",),
    data_sources=2,
    sequences=(Sequence("ProductNumber", "PR######", "both"),),
    properties=(
        text("ProductNumber", 70, label="Product number"),
        text("ProductName", 60, label="Product name"),
        text("ProductDescription", 1000),
        text("ProductSearchName", 20),
        choice("ProductType", "EcoResProductType", label="Product type", required=True),
        choice("ProductSubType", "EcoResProductSubtype", label="Product subtype", required=True),
        *texts(10, *_DIMENSION_GROUPS),
        text("HarmonizedSystemCode", 20),
        *yes_no("IsProductKit", "IsCatchWeightProduct"),
    ),
)

ENTITIES = (CREATIONS, RELEASED, ORDER_SETTINGS, PRODUCTS)
