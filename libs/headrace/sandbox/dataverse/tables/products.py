"""Products, price lists and units."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.dataverse.tables.columns import (
    ACTIVE_INACTIVE,
    amounts,
    choice,
    dates,
    decimal,
    lookup,
    memo,
    table,
    text,
    whole,
)
from headrace.sandbox.dataverse.tables.model import State

PRODUCT = table(
    "product",
    "products",
    "Product",
    1024,
    text("name", 100, level="application"),
    text("productnumber", 100, level="system", label="Product ID"),
    memo("description"),
    lookup("defaultuomid", "uom", level="application"),
    lookup("defaultuomscheduleid", "uomschedule", level="application"),
    whole("quantitydecimal", minimum=Decimal(0), maximum=Decimal(5), level="application", default=2),
    choice("productstructure", (1, "Product"), (2, "Product Family"), (3, "Product Bundle"), default=1, update=False),
    choice("producttypecode", (1, "Sales Inventory"), (2, "Miscellaneous Charges"), (3, "Services"), (4, "Flat Fees")),
    *amounts("price", "standardcost", "currentcost"),
    decimal("quantityonhand", 5),
    decimal("stockweight", 5),
    text("vendorname", 100),
    *dates("validfromdate", "validtodate"),
    lookup("pricelevelid", "pricelevel", create=False),
    primary_name="name",
    currency=True,
    notes=True,
    ownership="organization",
    states=(
        State(0, "Active", ((1, "Active"),)),
        State(1, "Retired", ((2, "Retired"),)),
        State(2, "Draft", ((0, "Draft"),)),
        State(3, "Under Revision", ((3, "Under Revision"),)),
    ),
)

PRICE_LIST = table(
    "pricelevel",
    "pricelevels",
    "PriceLevel",
    1022,
    text("name", 100, level="system"),
    memo("description"),
    *dates("begindate", "enddate"),
    label="Price List",
    primary_name="name",
    currency=True,
    ownership="organization",
    states=(State(0, "Active", ((100001, "Active"),)), State(1, "Inactive", ((100002, "Inactive"),))),
)

PRICE_LIST_ITEM = table(
    "productpricelevel",
    "productpricelevels",
    "ProductPriceLevel",
    1026,
    lookup("pricelevelid", "pricelevel", "price_level_product_price_levels", level="system", parent=True),
    lookup("productid", "product", "product_price_levels", level="system", parent=True),
    lookup("uomid", "uom", level="application"),
    *amounts("amount"),
    choice("pricingmethodcode", (1, "Currency Amount"), (2, "Percent of List"), default=1),
    choice("quantitysellingcode", (1, "No Control"), (2, "Whole"), (3, "Whole and Fractional"), default=1),
    choice("roundingpolicycode", (1, "None"), (2, "Up"), (3, "Down"), (4, "To Nearest")),
    label="Price List Item",
    primary_name="",
    currency=True,
    ownership="none",
    privileges="Product",
)

UNIT_GROUP = table(
    "uomschedule",
    "uomschedules",
    "UoMSchedule",
    1056,
    text("name", 200, level="system"),
    memo("description"),
    text("baseuomname", 100),
    label="Unit Group",
    primary_name="name",
    ownership="organization",
    states=ACTIVE_INACTIVE,
)

UNIT = table(
    "uom",
    "uoms",
    "UoM",
    1055,
    text("name", 100, level="system"),
    decimal("quantity", 5, level="system", default=1),
    lookup("baseuom", "uom"),
    lookup("uomscheduleid", "uomschedule", "unit_of_measurement_schedule", level="system", update=False, parent=True),
    label="Unit",
    primary_name="name",
    ownership="organization",
)

TABLES = (PRODUCT, PRICE_LIST, PRICE_LIST_ITEM, UNIT_GROUP, UNIT)
