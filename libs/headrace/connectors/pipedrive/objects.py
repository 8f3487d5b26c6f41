"""The objects of Pipedrive that are read and written: paths, fields and types as data.

Names are those of REST v2. Fields that v2 does not have, and that the source adds from related records, are marked.
Source: https://developers.pipedrive.com/docs/api/v1 (v2 reference of deals, persons, organizations, products).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.core.contracts import ObjectDescription

CUSTOM = "custom"
"""Under this name `Record.data` holds custom fields by display name; "custom.<display name>" names one of them."""
CUSTOM_PREFIX = f"{CUSTOM}."
ADDRESS_PREFIX = "address."
PRICE_PREFIX = "prices."
"""A product's price in one currency: "prices.EUR"."""
POINTS: Mapping[str, str] = {"email": "emails", "phone": "phones"}
"""The primary one of a person's e-mail addresses and phone numbers, and the list that it stands in."""
MERGED_INTO = "merged_into"
"""Of a record that vanished in a merge: the id of the one that is left. Only webhooks v2 of the deletion tell it."""
CATEGORY, CATEGORY_NAME = "category", "category_name"
ORGANIZATION_CUSTOM = "org_custom"
"""Under this name deals and persons hold the custom fields of their organization."""

LINE_FIELDS: Mapping[str, str] = {
    "id": "integer",
    "deal_id": "integer",
    "product_id": "integer",
    "product_variation_id": "integer",
    "name": "string",
    "item_price": "decimal",
    "quantity": "decimal",
    "discount": "decimal",
    "discount_type": "string",
    "tax": "decimal",
    "tax_method": "string",
    "sum": "decimal",
    "currency": "string",
    "comments": "string",
    "is_enabled": "boolean",
    "order_nr": "integer",
    "add_time": "datetime",
    "update_time": "datetime",
    "billing_frequency": "string",
    "billing_frequency_cycles": "integer",
    "billing_start_date": "date",
    # added
    "product_code": "string",
    "product_unit": "string",
}
DISCOUNT_FIELDS: Mapping[str, str] = {
    "id": "string",
    "deal_id": "integer",
    "description": "string",
    "amount": "decimal",
    "type": "string",
    "created_at": "datetime",
    "created_by": "integer",
    "updated_at": "datetime",
    "updated_by": "integer",
}
PRICE_FIELDS: Mapping[str, str] = {
    "product_id": "integer",
    "price": "decimal",
    "currency": "string",
    "cost": "decimal",
    "direct_cost": "decimal",
    "notes": "string",
}
_ADDRESS_PARTS = (
    "value",
    "street_number",
    "route",
    "sublocality",
    "locality",
    "admin_area_level_1",
    "admin_area_level_2",
    "country",
    "postal_code",
    "subpremise",
    "formatted_address",
)
ADDRESS_FIELDS: Mapping[str, str] = dict.fromkeys(_ADDRESS_PARTS, "string")
CONTACT_POINT_FIELDS: Mapping[str, str] = {"value": "string", "primary": "boolean", "label": "string"}

_COMMON: Mapping[str, str] = {
    "id": "integer",
    "owner_id": "integer",
    "add_time": "datetime",
    "update_time": "datetime",
    "is_deleted": "boolean",
    "visible_to": "integer",
    "label_ids": "list",
    # added
    "labels": "list",
    "owner_name": "string",
    "owner_email": "string",
}


@dataclass(frozen=True, slots=True)
class Object:
    """One object: where it lies, what it holds, and what may be written.

    `fields` are the scalar ones with their types; `lists` and `objects` name nested ones with theirs. `search` maps
    a system field to the `fields` value under which /{path}/search looks for it.
    """

    name: str
    path: str
    fields_path: str
    fields: Mapping[str, str]
    lists: Mapping[str, Mapping[str, str]]
    objects: Mapping[str, Mapping[str, str]]
    writable: frozenset[str]
    required: str
    search: Mapping[str, str]
    open_prefixes: tuple[str, ...] = ()
    made_by_people: bool = False
    """Records that are neither created nor deleted here."""

    def takes(self, name: str) -> bool:
        """Say whether a system field can be written."""
        return name in self.writable or name.startswith(self.open_prefixes)

    def describe(self) -> ObjectDescription:
        """Return the description for mapping checks."""
        names = dict(self.fields)
        for part, fields in self.lists.items():
            names[part] = "list"
            names |= {f"{part}[].{name}": word for name, word in fields.items()}
        for part, fields in self.objects.items():
            names[part] = "object"
            names |= {f"{part}.{name}": word for name, word in fields.items()}
        organization = [f"{ORGANIZATION_CUSTOM}."] if "org_id" in self.fields else []
        prefixes = [CUSTOM_PREFIX, *organization, *self.open_prefixes]
        return ObjectDescription(self.name, names, prefixes, self.writable)


DEAL = Object(
    name="deal",
    path="deals",
    fields_path="dealFields",
    fields={
        **_COMMON,
        "title": "string",
        "value": "decimal",
        "currency": "string",
        "status": "string",
        "stage_id": "integer",
        "pipeline_id": "integer",
        "person_id": "integer",
        "org_id": "integer",
        "creator_user_id": "integer",
        "stage_change_time": "datetime",
        "archive_time": "datetime",
        "won_time": "datetime",
        "lost_time": "datetime",
        "close_time": "datetime",
        "local_won_date": "date",
        "local_lost_date": "date",
        "local_close_date": "date",
        "lost_reason": "string",
        "expected_close_date": "date",
        "probability": "decimal",
        "is_archived": "boolean",
        "origin": "string",
        "origin_id": "string",
        "channel": "integer",
        "channel_id": "string",
        "source_lead_id": "string",
        "arr": "decimal",
        "mrr": "decimal",
        "acv": "decimal",
        MERGED_INTO: "string",
        # added
        "org_name": "string",
        "org_country": "string",
        "person_name": "string",
        "person_email": "string",
        "stage_name": "string",
        "pipeline_name": "string",
    },
    lists={"products": LINE_FIELDS, "discounts": DISCOUNT_FIELDS},
    objects={},
    # Custom fields only. A deal is its people's; `value` and `currency` follow its lines, and a write of `value` has
    # been seen to reset other fields.
    writable=frozenset(),
    made_by_people=True,
    required="title",
    search={"title": "title"},
)

PERSON = Object(
    name="person",
    path="persons",
    fields_path="personFields",
    fields={
        **_COMMON,
        "name": "string",
        "first_name": "string",
        "last_name": "string",
        "org_id": "integer",
        "picture_id": "integer",
        "job_title": "string",
        "birthday": "date",
        "notes": "string",
        "marketing_status": "string",
        MERGED_INTO: "string",
        # added
        "email": "string",
        "phone": "string",
        "org_name": "string",
        "org_country": "string",
    },
    lists={"emails": CONTACT_POINT_FIELDS, "phones": CONTACT_POINT_FIELDS, "im": CONTACT_POINT_FIELDS},
    objects={"postal_address": ADDRESS_FIELDS},
    writable=frozenset(
        {"name", "first_name", "last_name", *POINTS, "org_id", "owner_id", "label_ids", "visible_to"}
        | {"job_title", "birthday", "notes", "marketing_status"}
    ),
    required="name",
    search={"name": "name", "email": "email"},
)

ORGANIZATION = Object(
    name="organization",
    path="organizations",
    fields_path="organizationFields",
    fields={
        **_COMMON,
        "name": "string",
        "website": "string",
        "linkedin": "string",
        "industry": "integer",
        "annual_revenue": "decimal",
        "employee_count": "integer",
        MERGED_INTO: "string",
    },
    lists={},
    objects={"address": ADDRESS_FIELDS},
    writable=frozenset(
        {"name", "owner_id", "label_ids", "visible_to", *(f"{ADDRESS_PREFIX}{part}" for part in ADDRESS_FIELDS)}
        | {"website", "linkedin", "industry", "annual_revenue", "employee_count"}
    ),
    required="name",
    search={"name": "name"},
)

PRODUCT = Object(
    name="product",
    path="products",
    fields_path="productFields",
    fields={
        **_COMMON,
        "name": "string",
        "code": "string",
        "description": "string",
        "unit": "string",
        "tax": "decimal",
        CATEGORY: "string",
        "is_linkable": "boolean",
        "billing_frequency": "string",
        "billing_frequency_cycles": "integer",
        # added, as is each price under "prices.<currency>"
        CATEGORY_NAME: "string",
    },
    lists={"prices": PRICE_FIELDS},
    objects={},
    writable=frozenset(
        {"name", "code", "description", "unit", "tax", CATEGORY_NAME, "owner_id", "is_linkable", "visible_to"}
        | {"billing_frequency", "billing_frequency_cycles"}
    ),
    open_prefixes=(PRICE_PREFIX,),
    required="name",
    search={"name": "name", "code": "code"},
)

KINDS: Mapping[str, Object] = {kind.name: kind for kind in (DEAL, ORGANIZATION, PERSON, PRODUCT)}
OBJECT_NAMES: tuple[str, ...] = tuple(KINDS)
OBJECTS: Mapping[str, ObjectDescription] = {kind.name: kind.describe() for kind in KINDS.values()}
"""What the connector declares to mappings."""
