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

RULES: Mapping[str, EntityRules] = {
    **parties.RULES,
    **products.RULES,
    **sales.RULES,
    **vendors.RULES,
    **purchasing.RULES,
    **customer_invoices.RULES,
    **vendor_invoices.RULES,
    **vendor_payments.RULES,
    **settled_invoices.RULES,
}
NO_RULES = EntityRules()
