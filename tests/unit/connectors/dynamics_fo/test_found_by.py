"""In which order the shipped mappings look for a vendor, a customer or an account that only a document mentions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.mapping.documents import OutMapping
from headrace.mapping.loading import load
from headrace.mapping.outward import map_out
from headrace.mapping.results import Plan
from tests.unit.connectors.dynamics_fo.test_mappings import FUNCTIONS, OUT, Context, event

USMF = {"dataAreaId": "usmf"}
_TOTAL = {"amount": Decimal(1), "currency": "USD"}
BASE: Mapping[str, Mapping[str, Any]] = {
    "vendor_invoice": {"number": "A-1", "status": "approved", "invoice_date": date(2026, 3, 1), "total": _TOTAL},
    "purchase_order": {"number": "4711", "status": "open"},
    "customer_invoice": {"number": "AR-1", "status": "open", "invoice_date": date(2026, 3, 1)},
}


def looks(entity: str, **data: Any) -> list[list[Mapping[str, Any]]]:
    """Return the natural keys, in order, of each reference that has no link."""
    document = load(OUT / f"{entity}.yaml")
    assert isinstance(document, OutMapping)
    plan = map_out(document, event(entity, **BASE[entity], **data), Context(), FUNCTIONS)
    assert isinstance(plan, Plan)
    return [[dict(key) for key in missing.by] for missing in plan.missing]


def told(**fields: str) -> dict[str, Any]:
    return {"entity": "vendor", "canonical_id": "nobody-told-of", **fields}


@pytest.mark.parametrize(
    ("vendor", "order", "keys"),
    [
        (
            told(name="Acme", number="V-1", tax_number="DE 1"),
            "PO-7",
            [{"VendorAccountNumber": "V-1"}, {"PurchaseOrderNumber": "PO-7"}, {"TaxExemptNumber": "DE 1"}],
        ),
        (told(name="Acme", number="V-1"), None, [{"VendorAccountNumber": "V-1"}]),
        (
            told(name="Acme", tax_number="DE 1"),
            "PO-7",
            [{"PurchaseOrderNumber": "PO-7"}, {"TaxExemptNumber": "DE 1"}, {"VendorOrganizationName": "Acme"}],
        ),
        (told(name="Acme"), None, [{"VendorOrganizationName": "Acme"}]),
        (told(), None, []),
    ],
)
def test_the_vendor_of_an_invoice(vendor: dict[str, Any], order: str | None, keys: list[dict[str, str]]) -> None:
    assert looks("vendor_invoice", vendor=vendor, purchase_order=order, currency="USD") == [
        [{**USMF, **key} for key in keys]
    ]


def test_the_vendor_of_an_order_is_not_looked_for_by_an_order() -> None:
    vendor = told(name="Acme", tax_number="DE 1")
    assert looks("purchase_order", vendor=vendor, currency="USD") == [
        [{**USMF, "TaxExemptNumber": "DE 1"}, {**USMF, "VendorOrganizationName": "Acme"}]
    ]


def test_customer_and_account_of_an_invoice() -> None:
    customer = {"entity": "customer", "canonical_id": "nobody", "name": "Contoso", "number": "US-009"}
    account = {"entity": "ledger_account", "canonical_id": "no-account", "number": "401100"}
    lines = [{"line_id": "1", "position": 1, "amount": Decimal(1), "ledger_account": account}]
    assert looks("customer_invoice", customer=customer, currency="USD", lines=lines) == [
        [{**USMF, "CustomerAccount": "US-009"}],
        [{"MainAccountId": "401100", "LegalEntities": "USMF"}],
    ]
