"""BI entities: read-only mirrors of tables under the tables' field names, with SysModifiedDateTime to the second."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dynamics_fo.entities import (
    customers,
    ledger,
    products,
    purchasing,
    sales,
    vendor_payments,
    vendors,
)
from headrace.sandbox.dynamics_fo.entities.model import Entity, Property

_SYSTEM = {
    "SysModifiedDateTime": ("@modified", Property("SysModifiedDateTime", "moment")),
    "CreatedOn": ("@created", Property("CreatedOn", "moment")),
    "SysCreatedDateTime": ("@created", Property("SysCreatedDateTime", "moment")),
    "SysRecId": ("@recid", Property("SysRecId", "int64")),
    "SourceKey": ("@recid", Property("SourceKey", "int64")),
    "SysRecVersion": ("@recversion", Property("SysRecVersion", "int32")),
    "LedgerChartOfAccounts": ("@chart", Property("LedgerChartOfAccounts", "int64")),
}
_USUAL = ("SysModifiedDateTime", "CreatedOn", "SysRecId", "SysRecVersion")


def _mirror(
    source: Entity,
    set_name: str,
    key: tuple[str, ...],
    fields: Mapping[str, str],
    system: tuple[str, ...] = _USUAL,
) -> Entity:
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
        source_fields={**fields, **{name: _SYSTEM[name][0] for name in system}},
        properties=(*properties, *(_SYSTEM[name][1] for name in system)),
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
    _mirror(
        vendors.VENDORS,
        "VendTableBiEntities",
        ("dataAreaId", "AccountNum"),
        {
            "dataAreaId": "dataAreaId",
            "AccountNum": "VendorAccountNumber",
            "VendGroup": "VendorGroupId",
            "Currency": "CurrencyCode",
            "InvoiceAccount": "InvoiceVendorAccountNumber",
            "PaymTermId": "DefaultPaymentTermsName",
            "PaymMode": "DefaultVendorPaymentMethodName",
            "Blocked": "OnHoldStatus",
            "BlockedReleaseDate": "VendorHoldReleaseDate",
            "CreditMax": "CreditLimit",
            "VATNum": "TaxExemptNumber",
            "OneTimeVendor": "IsOneTimeVendor",
            "YourAccountNum": "OurAccountNumber",
        },
        ("SysModifiedDateTime", "CreatedOn", "SourceKey", "SysRecVersion"),
    ),
    _mirror(
        ledger.MAIN_ACCOUNTS,
        "MainAccountBiEntities",
        ("MainAccountId", "LedgerChartOfAccounts"),
        {
            "MainAccountId": "MainAccountId",
            "Name": "Name",
            "Type": "MainAccountType",
            "CurrencyCode": "DefaultCurrency",
        },
        ("LedgerChartOfAccounts", "SysModifiedDateTime", "SysCreatedDateTime", "SourceKey", "SysRecVersion"),
    ),
    _mirror(
        purchasing.HEADERS,
        "PurchTableBiEntities",
        ("dataAreaId", "PurchId"),
        {
            "dataAreaId": "dataAreaId",
            "PurchId": "PurchaseOrderNumber",
            "PurchName": "PurchaseOrderName",
            "OrderAccount": "OrderVendorAccountNumber",
            "InvoiceAccount": "InvoiceVendorAccountNumber",
            "CurrencyCode": "CurrencyCode",
            "VendorRef": "VendorOrderReference",
            "PurchStatus": "PurchaseOrderStatus",
            "DocumentState": "DocumentApprovalStatus",
            "DeliveryDate": "RequestedDeliveryDate",
        },
        ("CreatedOn", "SourceKey", "SysRecVersion"),
    ),
    _mirror(
        purchasing.LINES,
        "PurchLineBiEntities",
        ("dataAreaId", "InventTransId"),
        {
            "dataAreaId": "dataAreaId",
            "InventTransId": "InventoryLotId",
            "PurchId": "PurchaseOrderNumber",
            "LineNumber": "LineNumber",
            "ItemId": "ItemNumber",
            "Name": "LineDescription",
            "PurchQty": "OrderedPurchaseQuantity",
            "PurchUnit": "PurchaseUnitSymbol",
            "PurchPrice": "PurchasePrice",
            "LineAmount": "LineAmount",
            "PurchStatus": "PurchaseOrderLineStatus",
        },
        ("SysModifiedDateTime", "CreatedOn", "SourceKey", "SysRecVersion"),
    ),
    _mirror(
        vendor_payments.LINES,
        "LedgerJournalTransBiEntities",
        ("dataAreaId", "SourceKey"),
        {
            "dataAreaId": "dataAreaId",
            "JournalNum": "JournalBatchNumber",
            "LineNum": "LineNumber",
            "AccountType": "AccountType",
            "AmountCurDebit": "DebitAmount",
            "AmountCurCredit": "CreditAmount",
            "CurrencyCode": "CurrencyCode",
            "TransDate": "TransactionDate",
            "Voucher": "Voucher",
            "PaymReference": "PaymentReference",
            "PaymMode": "PaymentMethodName",
            "MarkedInvoice": "MarkedInvoice",
        },
        ("SourceKey", "SysModifiedDateTime", "CreatedOn", "SysRecVersion"),
    ),
)
