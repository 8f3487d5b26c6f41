"""Related tables that several entities point at, with the labels that error texts use."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities.model import Lookup

CUSTOMER_GROUP = Lookup(("CustomerGroups",), "CustomerGroupId", "Customer groups")
CUSTOMER = Lookup(("CustomersV3",), "CustomerAccount", "Customers")
CURRENCY = Lookup(("Currencies",), "CurrencyCode", "Currencies")
PAYMENT_TERMS = Lookup(("PaymentTerms",), "Name", "Terms of payment")
SITE = Lookup(("OperationalSitesV2",), "SiteId", "Sites")
WAREHOUSE = Lookup(("Warehouses",), "WarehouseId", "Warehouses")
PRODUCT = Lookup(("ProductsV2",), "ProductNumber", "Products")
RELEASED_PRODUCT = Lookup(("ReleasedProductsV2",), "ItemNumber", "Released products")
SALES_ORDER = Lookup(("SalesOrderHeadersV2",), "SalesOrderNumber", "Sales orders")
CONTACT_PERSON = Lookup(("ContactPersons",), "ContactPersonId", "Contacts")
CUSTOMER_PARTY = Lookup(("CustomersV3",), "PartyNumber", "Global address book")
LEGAL_ENTITY = Lookup(("LegalEntities",), "LegalEntityId", "Legal entities")
DIMENSION = Lookup(("DimensionAttributes",), "DimensionName", "Financial dimensions")
EVENT = Lookup(("BusinessEventsCatalogs",), "BusinessEventId", "Business events catalog")
ENDPOINT = Lookup(("BusinessEventsEndpoints",), "Name", "Business events endpoints")
USER = Lookup(("SystemUsers",), "UserID", "Users")
VENDOR_GROUP = Lookup(("VendorGroups",), "VendorGroupId", "Vendor groups")
VENDOR = Lookup(("VendorsV2",), "VendorAccountNumber", "Vendors")
VENDOR_PAYMENT_METHOD = Lookup(("VendorPaymentMethods",), "Name", "Methods of payment - vendors")
VENDOR_INVOICE = Lookup(("VendorInvoiceHeaders",), "HeaderReference", "Vendor invoice headers")
CUSTOMER_INVOICE = Lookup(("CDSFreeTextInvoiceHeaders",), "ExternalInvoiceId", "Free text invoices")
PURCHASE_ORDER = Lookup(("PurchaseOrderHeadersV2",), "PurchaseOrderNumber", "Purchase orders")
JOURNAL_NAME = Lookup(("JournalNames",), "Name", "Journal names")
PAYMENT_JOURNAL = Lookup(("VendorPaymentJournalHeaders",), "JournalBatchNumber", "Ledger journal table")
