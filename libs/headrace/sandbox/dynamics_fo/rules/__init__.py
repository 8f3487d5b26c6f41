"""Business rules that declarations cannot say, by set name."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dynamics_fo.drafts import EntityRules
from headrace.sandbox.dynamics_fo.rules import (
    customer_invoices,
    parties,
    products,
    purchasing,
    sales,
    settled_invoices,
    vendor_invoices,
    vendor_payments,
    vendors,
)

_AREAS = (parties, products, sales, vendors, purchasing, customer_invoices, vendor_invoices, vendor_payments)
RULES: Mapping[str, EntityRules] = {
    name: rules for area in (*_AREAS, settled_invoices) for name, rules in area.RULES.items()
}
NO_RULES = EntityRules()
