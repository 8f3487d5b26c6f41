"""BI entities: read-only mirrors of tables under the tables' field names, with SysModifiedDateTime to the second."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dynamics_fo.entities import customers, products, sales
from headrace.sandbox.dynamics_fo.entities.model import Entity, Property

_SYSTEM = {
    "SysModifiedDateTime": "@modified",
    "CreatedOn": "@created",
    "SysRecId": "@recid",
    "SysRecVersion": "@recversion",
}


def _mirror(source: Entity, set_name: str, key: tuple[str, ...], fields: Mapping[str, str]) -> Entity:
    properties = [_renamed(name, source.by_name[theirs]) for name, theirs in fields.items()]
    return Entity(
        set=set_name,
        type=set_name.removesuffix("Entities") + "Entity",
        aot=set_name.removesuffix("Entities") + "Entity",
        label=source.label,
        table=source.table,
        key=key,
        read_only=True,
        view_of=source.set,
        source_fields={**fields, **_SYSTEM},
        properties=(
            *properties,
            Property("SysModifiedDateTime", "moment"),
            Property("CreatedOn", "moment"),
            Property("SysRecId", "int64"),
            Property("SysRecVersion", "int32"),
        ),
    )


def _renamed(name: str, source: Property) -> Property:
    return Property(name, source.kind, source.enum, source.size, source.label)


ENTITIES = (
    _mirror(
        customers.CUSTOMERS,
        "CustTableBiEntities",
        ("dataAreaId", "AccountNum"),
        {
            "dataAreaId": "dataAreaId",
            "AccountNum": "CustomerAccount",
            "CustGroup": "CustomerGroupId",
            "Currency": "SalesCurrencyCode",
            "InvoiceAccount": "InvoiceAccount",
            "PaymTermId": "PaymentTerms",
            "Blocked": "OnHoldStatus",
            "CreditMax": "CreditLimit",
            "VATNum": "TaxExemptNumber",
            "InventSiteId": "SiteId",
            "InventLocation": "WarehouseId",
        },
    ),
    _mirror(
        sales.HEADERS,
        "SalesTableBiEntities",
        ("dataAreaId", "SalesId"),
        {
            "dataAreaId": "dataAreaId",
            "SalesId": "SalesOrderNumber",
            "SalesName": "SalesOrderName",
            "CustAccount": "OrderingCustomerAccountNumber",
            "InvoiceAccount": "InvoiceCustomerAccountNumber",
            "CurrencyCode": "CurrencyCode",
            "CustomerRef": "CustomersOrderReference",
            "PurchOrderFormNum": "CustomerRequisitionNumber",
            "SalesStatus": "SalesOrderStatus",
            "InventSiteId": "DefaultShippingSiteId",
            "InventLocationId": "DefaultShippingWarehouseId",
            "ShippingDateRequested": "RequestedShippingDate",
        },
    ),
    _mirror(
        sales.LINES,
        "SalesLineBiEntities",
        ("dataAreaId", "SalesId", "LineCreationSequenceNumber"),
        {
            "dataAreaId": "dataAreaId",
            "SalesId": "SalesOrderNumber",
            "LineCreationSequenceNumber": "LineCreationSequenceNumber",
            "LineNum": "LineNumber",
            "InventTransId": "InventoryLotId",
            "ItemId": "ItemNumber",
            "SalesQty": "OrderedSalesQuantity",
            "SalesPrice": "SalesPrice",
            "LineAmount": "LineAmount",
            "SalesStatus": "SalesOrderLineStatus",
        },
    ),
    _mirror(
        products.RELEASED,
        "InventTableBiEntities",
        ("dataAreaId", "ItemId"),
        {
            "dataAreaId": "dataAreaId",
            "ItemId": "ItemNumber",
            "NameAlias": "SearchName",
            "ItemType": "ProductType",
            "PrimaryVendorId": "PrimaryVendorAccountNumber",
            "ItemBuyerGroupId": "BuyerGroupId",
        },
    ),
)
