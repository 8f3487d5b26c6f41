"""Free text invoices, by the pair of entities whose key the client chooses."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import (
    COMPANY,
    Entity,
    Navigation,
    Property,
    dates,
    decimals,
    text,
    texts,
    yes_no,
)

HEADERS = Entity(
    set="CDSFreeTextInvoiceHeaders",
    type="CDSFreeTextInvoiceHeader",
    aot="CustFreeTextInvoiceHeaderCDSEntity",
    table="CustInvoiceTable",
    label="Free text invoices",
    category="Transaction",
    key=("dataAreaId", "ExternalInvoiceId"),
    data_sources=2,
    indexed=("ExternalInvoiceId", "CustomerAccount", "CustomerReference", "FreeTextNumber"),
    navigations=(
        Navigation("CDSFreeTextInvoiceLines", "CDSFreeTextInvoiceLines", "ExternalInvoiceId", "ExternalInvoiceId"),
    ),
    properties=(
        COMPANY,
        text("ExternalInvoiceId", 20, label="External invoice", required=True),
        text("CustomerAccount", 20, label="Customer account", required=True, lookup=lookups.CUSTOMER),
        *dates("InvoiceDate", "DueDate"),
        text("CurrencyCode", 3, label="Currency", lookup=lookups.CURRENCY),
        text("CustomerReference", 60, label="Customer reference"),
        text("TermsOfPayment", 10, label="Terms of payment", lookup=lookups.PAYMENT_TERMS),
        text("FreeTextNumber", 20, label="Invoice", read_only=True),
        *yes_no("IsPosted", read_only=True),
    ),
)

LINES = Entity(
    set="CDSFreeTextInvoiceLines",
    type="CDSFreeTextInvoiceLine",
    aot="CustFreeTextInvoiceLineCDSEntity",
    table="CustInvoiceLine",
    label="Free text invoice lines",
    category="Transaction",
    key=("dataAreaId", "ExternalInvoiceId", "LineNumber"),
    indexed=("ExternalInvoiceId",),
    properties=(
        COMPANY,
        text("ExternalInvoiceId", 20, label="External invoice", required=True, lookup=lookups.CUSTOMER_INVOICE),
        Property("LineNumber", "decimal", label="Line number"),
        text("Description", 60, label="Description"),
        text("InvoiceText", 1000),
        text("MainAccountDisplayValue", 500, label="Main account", required=True, dimension="ledger"),
        *decimals("Quantity", "UnitPrice", "TransactionCurrencyAmount"),
        *texts(10, "SalesTaxGroupId", "SalesTaxItemGroupId"),
    ),
)

ENTITIES = (HEADERS, LINES)
