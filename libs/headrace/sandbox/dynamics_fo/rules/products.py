"""Products: creating a released product creates the shared one too; releasing one reads its type from there."""

from __future__ import annotations

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, validate_write
from headrace.sandbox.dynamics_fo.rules.holds import ORDER_SETTINGS

_SHARED = (
    "ProductName",
    "ProductDescription",
    "ProductSearchName",
    "ProductType",
    "ProductSubType",
    "StorageDimensionGroupName",
    "TrackingDimensionGroupName",
    "ProductDimensionGroupName",
    "IsCatchWeightProduct",
)
_RELEASED = (
    "ProductNumber",
    "SearchName",
    "ProductSearchName",
    "ProductType",
    "ProductSubType",
    "ItemModelGroupId",
    "ProductGroupId",
    "StorageDimensionGroupName",
    "TrackingDimensionGroupName",
    "ProductDimensionGroupName",
    "InventoryUnitSymbol",
    "SalesUnitSymbol",
    "PurchaseUnitSymbol",
    "BOMUnitSymbol",
    "SalesSalesTaxItemGroupCode",
    "PurchaseSalesTaxItemGroupCode",
)
_UNITS = ("InventoryUnitSymbol", "SalesUnitSymbol", "PurchaseUnitSymbol", "BOMUnitSymbol")


class CreationRules(EntityRules):
    """`ReleasedProductCreationsV2`: one call writes the product and its release."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Default the product number to the item number, names to it, units to pieces."""
        draft.default("ProductNumber", draft.get("ItemNumber"))
        draft.default("ProductName", draft.get("ProductNumber")[:60])
        draft.default("ProductSearchName", draft.get("ProductName")[:20])
        draft.default("SearchName", draft.get("ProductSearchName"))
        for name in _UNITS:
            draft.default(name, "ea")

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse an item number that is released in this company already."""
        if draft.original is not None:
            return
        if work.related("ReleasedProductsV2", "ItemNumber", draft.get("ItemNumber"), draft.company):
            raise WriteRefused(
                "Error: Cannot create a record in Released products (InventTable). Item number: "
                f"{draft.get('ItemNumber')}.\nThe record already exists.",
                failure="duplicate",
            )

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Write the shared product, unless it is there, and the released one."""
        if draft.original is not None:
            return
        number = draft.get("ProductNumber")
        if not work.store.find("ProductsV2", "ProductNumber", number):
            shared = {name: draft.values[name] for name in _SHARED if name in draft.values}
            work.insert("ProductsV2", {"ProductNumber": number, **shared}, work.note)
        released = {name: draft.values[name] for name in _RELEASED if name in draft.values}
        key = {"dataAreaId": draft.company, "ItemNumber": draft.get("ItemNumber")}
        _add_order_settings(work, work.insert("ReleasedProductsV2", {**key, **released}, work.note))


class ReleasedRules(EntityRules):
    """`ReleasedProductsV2`: type and names come from the shared product."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy what the shared product says."""
        found = work.store.find("ProductsV2", "ProductNumber", draft.get("ProductNumber"))
        if found and draft.original is None:
            draft.values["ProductType"] = found[0].data.get("ProductType", "Item")
            draft.values["ProductSubType"] = found[0].data.get("ProductSubType", "Product")
            draft.default("ProductSearchName", found[0].data.get("ProductSearchName", ""))
            draft.default("SearchName", found[0].data.get("ProductSearchName", ""))
            for name in _UNITS:
                draft.default(name, "ea")

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Give a released product its default order settings."""
        _add_order_settings(work, record)


class ProductRules(EntityRules):
    """`ProductsV2`: a product that is released somewhere stays."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Default names to the number."""
        draft.default("ProductName", draft.get("ProductNumber")[:60])
        draft.default("ProductSearchName", draft.get("ProductName")[:20])

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse while the product is released."""
        if work.store.find("ReleasedProductsV2", "ProductNumber", record.data["ProductNumber"]):
            raise WriteRefused(
                "Error: Products cannot be deleted while dependent Released products exist.",
                validate_write("EcoResProduct"),
            )


def _add_order_settings(work: Work, item: Record) -> None:
    number, company = item.data["ItemNumber"], item.data["dataAreaId"]
    if work.related(ORDER_SETTINGS, "ItemNumber", number, company) is None:
        work.insert(ORDER_SETTINGS, {"dataAreaId": company, "ItemNumber": number}, work.note)


RULES: dict[str, EntityRules] = {
    "ReleasedProductCreationsV2": CreationRules(),
    "ReleasedProductsV2": ReleasedRules(),
    "ProductsV2": ProductRules(),
}
