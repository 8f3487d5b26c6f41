"""The objects of Finance and Operations that are read and written: keys, fields, types and sizes as data."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    LEGAL_ENTITIES,
    NAMESPACE,
    EntitySet,
    Field,
)
from headrace.connectors.dynamics_fo.objects_customer_invoices import CUSTOMER_INVOICE_LINES, CUSTOMER_INVOICES
from headrace.connectors.dynamics_fo.objects_customers import CONTACTS, CUSTOMERS
from headrace.connectors.dynamics_fo.objects_invoices import (
    INVOICE_DOCUMENTS,
    INVOICE_LINES,
    INVOICES,
    POSTED_INVOICES,
)
from headrace.connectors.dynamics_fo.objects_ledger import DIMENSION_VALUES, MAIN_ACCOUNTS, RATES
from headrace.connectors.dynamics_fo.objects_payments import PAYMENT_JOURNALS, PAYMENT_LINES, SETTLED_INVOICES
from headrace.connectors.dynamics_fo.objects_products import PRODUCTS, STOPPED
from headrace.connectors.dynamics_fo.objects_purchasing import PURCHASE_ORDER_LINES, PURCHASE_ORDERS
from headrace.connectors.dynamics_fo.objects_sales import LINES, ORDERS
from headrace.connectors.dynamics_fo.objects_vendors import VENDORS
from headrace.core.contracts import ObjectDescription

__all__ = [
    "COMPANY",
    "CONTACTS",
    "CUSTOMERS",
    "CUSTOMER_INVOICES",
    "CUSTOMER_INVOICE_LINES",
    "DIMENSION_VALUES",
    "ENTITY_SETS",
    "INVOICES",
    "INVOICE_DOCUMENTS",
    "INVOICE_LINES",
    "LEGAL_ENTITIES",
    "LINES",
    "MAIN_ACCOUNTS",
    "NAMESPACE",
    "OBJECTS",
    "ORDERS",
    "PAYMENT_JOURNALS",
    "PAYMENT_LINES",
    "POSTED_INVOICES",
    "PRODUCTS",
    "PURCHASE_ORDERS",
    "PURCHASE_ORDER_LINES",
    "RATES",
    "SETTLED_INVOICES",
    "STOPPED",
    "VENDORS",
    "EntitySet",
    "Field",
]

ENTITY_SETS: Mapping[str, EntitySet] = {
    each.name: each
    for each in (
        CUSTOMERS,
        CONTACTS,
        PRODUCTS,
        ORDERS,
        LINES,
        RATES,
        VENDORS,
        MAIN_ACCOUNTS,
        DIMENSION_VALUES,
        PURCHASE_ORDERS,
        PURCHASE_ORDER_LINES,
        CUSTOMER_INVOICES,
        CUSTOMER_INVOICE_LINES,
        INVOICES,
        INVOICE_LINES,
        INVOICE_DOCUMENTS,
        POSTED_INVOICES,
        PAYMENT_JOURNALS,
        PAYMENT_LINES,
        SETTLED_INVOICES,
    )
}
OBJECTS: Mapping[str, ObjectDescription] = {name: each.describe() for name, each in ENTITY_SETS.items()}
