"""All entities of the sandbox by set name."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dynamics_fo.entities import (
    administration,
    customer_invoices,
    customers,
    ledger,
    mirrors,
    organisation,
    postings,
    products,
    purchasing,
    sales,
    vendor_invoices,
    vendor_payments,
    vendors,
)
from headrace.sandbox.dynamics_fo.entities.model import Entity

ENTITIES: Mapping[str, Entity] = {
    entity.set: entity
    for area in (
        customers,
        vendors,
        products,
        sales,
        purchasing,
        customer_invoices,
        vendor_invoices,
        vendor_payments,
        postings,
        ledger,
        organisation,
        administration,
        mirrors,
    )
    for entity in sorted(area.ENTITIES, key=lambda entity: entity.set)
}


def stored_set(entity: Entity) -> str:
    """Return the set that holds the records which this entity shows."""
    return entity.view_of or entity.set
