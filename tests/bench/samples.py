"""Records and events of the size that real systems have."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS
from headrace.connectors.dynamics_fo.odata import decode_row
from headrace.core.contracts import Record
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.ids import fingerprint, mint_canonical_id
from headrace.core.outcome import Status
from headrace.pipeline.state import EffectState, Step

CRM, ERP = "crm", "erp"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
TRACE = "00-" + "5a" * 16 + "-" + "c3" * 8 + "-01"


def fo_config(**changes: Any) -> DynamicsFoConfig:
    """Return a configuration that nothing is called with."""
    values: dict[str, Any] = {
        "environment_url": "https://contoso.operations.dynamics.com",
        "tenant_id": "contoso",
        "client_id": "bench",
        "client_secret": "no-secret",
        "legal_entities": ["usmf"],
        "dimension_format": {"dimensions": ["Department", "CostCenter"], "aliases": {"Cost center": "CostCenter"}},
    }
    return DynamicsFoConfig.model_validate({**values, **changes})


def customer_row(number: int) -> dict[str, Any]:
    """Return a row of CustomersV3 as the service writes it: every selected field, many of them empty."""
    entity_set = ENTITY_SETS["CustomersV3"]
    defaults = {"decimal": Decimal(0), "boolean": "No", "enum": "No"}
    row: dict[str, Any] = {name: defaults.get(field.kind, "") for name, field in entity_set.fields.items()}
    return row | {
        "dataAreaId": "usmf",
        "CustomerAccount": f"US-{number:06d}",
        "InvoiceAccount": f"US-{number:06d}",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        "PartyType": "Organization",
        "OrganizationName": f"Contoso Fahrräder & Söhne {number}",
        "NameAlias": f"HR{number:016d}",
        "PartyNumber": f"{number:09d}",
        "LanguageId": "en-us",
        "TaxExemptNumber": f"US{number:09d}",
        "PaymentTerms": "Net30",
        "PaymentMethod": "CHECK",
        "DeliveryTerms": "FOB",
        "SalesTaxGroup": "CA",
        "CreditLimit": Decimal("25000.00"),
        "AddressDescription": "Primary",
        "AddressStreet": f"{number} Market Street",
        "AddressCity": "San Francisco",
        "AddressZipCode": "94105",
        "AddressState": "CA",
        "AddressCountryRegionId": "USA",
        "PrimaryContactEmail": f"orders{number}@example.com",
        "PrimaryContactPhone": "+1 415 555 0100",
        "DefaultDimensionDisplayValue": "022-SALES",
    }


def customer_record(number: int) -> Record:
    """Return what a poll of CustomersV3 gives for one customer."""
    data = decode_row(ENTITY_SETS["CustomersV3"], customer_row(number))
    ref = Ref("CustomersV3", f"dataAreaId=usmf,CustomerAccount=US-{number:06d}")
    return Record(ref, data, version=START.isoformat(), modified_at=START)


def deal_record(number: int, lines: int = 5) -> Record:
    """Return a won Pipedrive deal, completed by a read."""
    product = {"name": "Mountain-200 Black, 42", "product_code": "BK-M68B-42", "product_unit": "pcs"}
    data: dict[str, Any] = {
        "id": number,
        "title": f"Order {number} for Contoso Fahrräder",
        "status": "won",
        "currency": "USD",
        "value": Decimal("9176.50"),
        "org_id": 7,
        "org_name": "Contoso Fahrräder",
        "person_id": 9,
        "person_name": "Zoë Müller",
        "person_email": "zoe@example.com",
        "won_time": START,
        "expected_close_date": date(2026, 12, 15),
        "custom": {"Legal entity": "usmf", "Department": "022", "Cost center": "SALES"},
        "org_custom": {},
        "discounts": [],
        "products": [
            {
                **product,
                "id": number * 10 + line,
                "order_nr": line,
                "product_id": 100 + line,
                "is_enabled": True,
                "quantity": Decimal(line),
                "item_price": Decimal("2294.99"),
                "discount": Decimal("12.5"),
                "discount_type": "percentage",
                "tax_method": "exclusive",
                "tax": Decimal(19),
                "comments": "",
            }
            for line in range(1, lines + 1)
        ],
    }
    return Record(Ref("deal", str(number)), data, version=START.isoformat(), modified_at=START)


def customer_event(number: int, revision: int = 1) -> CanonicalEvent:
    """Return a customer of the CRM as a canonical event; another revision says the same at a later version."""
    data = {
        "name": f"Contoso Fahrräder & Söhne {number}",
        "kind": "organization",
        "tax_number": f"US{number:09d}",
        "email": f"orders{number}@example.com",
        "phone": "+1 415 555 0100",
        "website": "https://contoso.example.com",
        "address": {
            "street": f"{number} Market Street",
            "postal_code": "94105",
            "city": "San Francisco",
            "state": "CA",
            "country": "US",
        },
    }
    return _event("customer", "organization", str(number), data, revision)


def order_event(number: int, revision: int = 1, lines: int = 5) -> CanonicalEvent:
    """Return a confirmed order with its lines as a canonical event."""
    data = {
        "reference": f"crm/deal/{number}",
        "title": f"Order {number} for Contoso Fahrräder",
        "status": "confirmed",
        "customer": _reference("customer", "organization", "7", name="Contoso Fahrräder"),
        "currency": "USD",
        "ordered_on": date(2026, 11, 21),
        "requested_delivery_on": date(2026, 12, 20),
        "total": {"amount": _total(lines), "currency": "USD"},
        "sales_origin": "Pipedrive",
        "dimensions": [{"name": "Department", "value": "022"}, {"name": "CostCenter", "value": "SALES"}],
        "lines": [
            {
                "line_id": str(number * 10 + line),
                "position": line,
                "product": _reference("product", "product", "101", number="BK-M68B-42"),
                "description": "Mountain-200 Black, 42",
                "quantity": Decimal(line),
                "unit": "pcs",
                "unit_price": Decimal("2294.99"),
                "discount_percent": Decimal("12.5"),
                "tax_percent": Decimal(19),
            }
            for line in range(1, lines + 1)
        ],
    }
    return _event("sales_order", "deal-order", str(number), data, revision)


def _total(lines: int) -> Decimal:
    """Return what lines 1 to `lines` of an order come to: quantity × price less 12.5 %, plus 19 %, rounded each."""
    cent, price = Decimal("0.01"), Decimal("2294.99") * Decimal("0.875")
    net = [(line * price).quantize(cent, ROUND_HALF_UP) for line in range(1, lines + 1)]
    return sum((amount + (amount * Decimal("0.19")).quantize(cent, ROUND_HALF_UP) for amount in net), Decimal(0))


def settled_state(number: int) -> EffectState:
    """Return what a target knows of a customer that it once wrote."""
    event = customer_event(number)
    fields = {
        "dataAreaId": "usmf",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        "PartyType": "Organization",
        "OrganizationName": event.data["name"],
        "NameAlias": f"HR{number:016d}",
        "TaxExemptNumber": event.data["tax_number"],
        "OrganizationNumber": None,
        "PrimaryContactEmail": event.data["email"],
        "PrimaryContactPhone": event.data["phone"],
        "PrimaryContactURL": event.data["website"],
        "AddressDescription": "Primary",
        "AddressStreet": event.data["address"]["street"],
        "AddressCity": "San Francisco",
        "AddressZipCode": "94105",
        "AddressState": "CA",
        "AddressCountryRegionId": "USA",
    }
    target_id = f"dataAreaId=usmf,CustomerAccount=US-{number:06d}"
    return EffectState(
        entity="customer",
        status=Status.SETTLED,
        event_id=event.meta.event_id,
        source_connection=CRM,
        source_version=event.meta.source_version,
        topic="canonical.customer.v1",
        partition=3,
        offset=number,
        mapping_version=fingerprint(b"mapping")[:16],
        outcome="created",
        traceparent=TRACE,
        steps=(
            Step("customer", "CustomersV3", target_id, 'W/"JzEsNTYzNzE0NDU3Njsx"', event.meta.event_id[:32], fields),
        ),
    )


def webhook_body(number: int, delivery: str) -> bytes:
    """Return a Pipedrive webhook (version 2) about a deal; `delivery` tells deliveries apart.

    Source: https://pipedrive.readme.io/docs/guide-for-webhooks-v2
    """
    deal = {
        "id": number,
        "title": f"Order {number} for Contoso Fahrräder",
        "creator_user_id": 1,
        "owner_id": 1,
        "user_id": 1,
        "person_id": 9,
        "org_id": 7,
        "stage_id": 3,
        "pipeline_id": 1,
        "value": 9176.5,
        "currency": "USD",
        "add_time": "2026-11-20T08:00:00Z",
        "update_time": "2026-11-21T09:00:00Z",
        "stage_change_time": "2026-11-21T09:00:00Z",
        "status": "won",
        "probability": None,
        "lost_reason": None,
        "visible_to": "3",
        "close_time": "2026-11-21T09:00:00Z",
        "won_time": "2026-11-21T09:00:00Z",
        "lost_time": None,
        "expected_close_date": "2026-12-15",
        "label_ids": [],
        "origin": "ManuallyCreated",
        "custom_fields": {f"{index:040x}": {"type": "varchar", "value": f"value {index}"} for index in range(4)},
    }
    meta = {
        "action": "change",
        "company_id": "1",
        "correlation_id": f"{number:032x}",
        "entity_id": str(number),
        "entity": "deal",
        "id": delivery,
        "is_bulk_edit": False,
        "timestamp": "2026-11-21T09:00:00.000Z",
        "type": "general",
        "user_id": "1",
        "version": "2.0",
        "webhook_id": "1",
        "webhook_owner_id": "1",
        "change_source": "app",
        "permitted_user_ids": ["1", "2", "3"],
        "attempt": 1,
        "host": "contoso.pipedrive.com",
    }
    return json.dumps({"data": deal, "previous": {"status": "open", "won_time": None}, "meta": meta}).encode()


def _event(entity: str, obj: str, external_id: str, data: dict[str, Any], revision: int) -> CanonicalEvent:
    canonical_id = mint_canonical_id(CRM, obj, external_id)
    moment = START + timedelta(seconds=revision)
    meta = Meta(
        event_id=mint_canonical_id(CRM, f"{obj}/{revision}", external_id),
        entity=entity,
        canonical_id=canonical_id,
        connection=CRM,
        object=obj,
        external_id=external_id,
        source_version=moment.isoformat(),
        occurred_at=moment,
        observed_at=moment,
        change=Change.UPSERT,
        legal_entity="usmf",
        asserted=tuple(data),
        trace_id=TRACE,
    )
    return CanonicalEvent(meta, data)


def _reference(entity: str, obj: str, external_id: str, **more: str) -> dict[str, Any]:
    return {
        "entity": entity,
        "connection": CRM,
        "object": obj,
        "external_id": external_id,
        "canonical_id": mint_canonical_id(CRM, obj, external_id),
        **more,
    }
