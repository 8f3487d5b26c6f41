"""Properties of v2 request bodies, as data: what each object takes when it is created and when it is changed.

Source: request schemas of the v2 OpenAPI file. A key that is not listed is refused (`Parameter … is not allowed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "datetime",
    "date",
    "clock",
    "currency",
    "labels",
    "contacts",
    "address",
    "prices",
    "participants",
    "attendees",
    "custom_fields",
    "free",
]


@dataclass(frozen=True, slots=True)
class Property:
    """One key of a request body.

    `reference` names the object whose id the value must be; `on` says in which requests the key is allowed.
    """

    name: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    reference: str | None = None
    choices: tuple[str | int, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    non_empty: bool = False
    max_length: int | None = None
    on: Literal["both", "create", "update"] = "both"


VISIBILITY = (1, 3, 5, 7)
BILLING = ("one-time", "weekly", "monthly", "quarterly", "semi-annually", "annually")
DEAL_STATUS = ("open", "won", "lost")

_OWNER = Property("owner_id", "integer", reference="user")
_VISIBLE = Property("visible_to", "integer", choices=VISIBILITY)
_LABELS = Property("label_ids", "labels")
_CUSTOM = Property("custom_fields", "custom_fields")
_ADD_TIME = Property("add_time", "datetime", on="create")

PROPERTIES: Mapping[str, tuple[Property, ...]] = {
    "deal": (
        Property("title", "text", required=True, non_empty=True, max_length=255),
        _OWNER,
        Property("person_id", "integer", nullable=True, reference="person"),
        Property("org_id", "integer", nullable=True, reference="organization"),
        Property("pipeline_id", "integer", reference="pipeline"),
        Property("stage_id", "integer", reference="stage"),
        Property("value", "number", nullable=True),
        Property("currency", "currency"),
        Property("is_deleted", "boolean"),
        Property("is_archived", "boolean"),
        Property("archive_time", "datetime", nullable=True),
        Property("status", "text", choices=DEAL_STATUS),
        Property("probability", "number", nullable=True, minimum=0, maximum=100),
        Property("lost_reason", "text", nullable=True, max_length=150),
        _VISIBLE,
        Property("close_time", "datetime", nullable=True),
        Property("won_time", "datetime", nullable=True),
        Property("lost_time", "datetime", nullable=True),
        Property("expected_close_date", "date", nullable=True),
        _LABELS,
        _CUSTOM,
    ),
    "person": (
        Property("name", "text", non_empty=True, max_length=255),
        Property("first_name", "text", max_length=255),
        Property("last_name", "text", max_length=255),
        _OWNER,
        Property("org_id", "integer", nullable=True, reference="organization"),
        _ADD_TIME,
        Property("emails", "contacts"),
        Property("phones", "contacts"),
        _VISIBLE,
        _LABELS,
        Property("postal_address", "address", nullable=True),
        Property("notes", "text", nullable=True, max_length=10_000),
        Property("im", "contacts"),
        Property("birthday", "date", nullable=True),
        Property("job_title", "text", nullable=True),
        Property("marketing_status", "text", choices=("no_consent", "unsubscribed", "subscribed", "archived")),
        Property("is_deleted", "boolean", on="update"),
        _CUSTOM,
    ),
    "organization": (
        Property("name", "text", required=True, non_empty=True, max_length=255),
        _OWNER,
        _ADD_TIME,
        _VISIBLE,
        _LABELS,
        Property("address", "address", nullable=True),
        Property("website", "text", nullable=True),
        Property("linkedin", "text", nullable=True),
        Property("industry", "integer", nullable=True),
        Property("annual_revenue", "number", nullable=True),
        Property("employee_count", "integer", nullable=True),
        Property("is_deleted", "boolean", on="update"),
        _CUSTOM,
    ),
    "product": (
        Property("name", "text", required=True, non_empty=True, max_length=255),
        Property("code", "text", nullable=True, max_length=255),
        Property("description", "text", nullable=True),
        Property("unit", "text", nullable=True, max_length=32),
        Property("tax", "number", minimum=0),
        Property("category", "integer", nullable=True),
        _OWNER,
        Property("is_linkable", "boolean"),
        _VISIBLE,
        Property("prices", "prices"),
        Property("billing_frequency", "text", choices=BILLING),
        Property("billing_frequency_cycles", "integer", nullable=True, minimum=1, maximum=208),
        _CUSTOM,
    ),
    "deal_product": (
        Property("product_id", "integer", required=True, reference="product"),
        Property("item_price", "number", required=True),
        Property("quantity", "number", required=True),
        Property("tax", "number", minimum=0),
        Property("comments", "text"),
        Property("discount", "number", minimum=0),
        Property("is_enabled", "boolean"),
        Property("tax_method", "text", choices=("exclusive", "inclusive", "none")),
        Property("discount_type", "text", choices=("percentage", "amount")),
        Property("product_variation_id", "integer", nullable=True),
        Property("billing_frequency", "text", choices=BILLING),
        Property("billing_frequency_cycles", "integer", nullable=True, minimum=1, maximum=208),
        Property("billing_start_date", "date", nullable=True),
    ),
    "discount": (
        Property("description", "text", required=True),
        Property("amount", "number", required=True),
        Property("type", "text", required=True, choices=("percentage", "amount")),
    ),
    "installment": (
        Property("description", "text", required=True),
        Property("amount", "number", required=True),
        Property("billing_date", "date", required=True),
    ),
    "activity": (
        Property("subject", "text", max_length=255),
        Property("type", "text"),
        _OWNER,
        Property("deal_id", "integer", nullable=True, reference="deal"),
        Property("lead_id", "text", nullable=True),
        Property("org_id", "integer", nullable=True, reference="organization"),
        Property("project_id", "integer", nullable=True),
        Property("due_date", "date", nullable=True),
        Property("due_time", "clock", nullable=True),
        Property("duration", "clock", nullable=True),
        Property("busy", "boolean"),
        Property("done", "boolean"),
        Property("location", "free", nullable=True),
        Property("participants", "participants"),
        Property("attendees", "attendees"),
        Property("public_description", "text", nullable=True),
        Property("priority", "integer", nullable=True),
        Property("outcome", "integer", nullable=True),
        Property("note", "text", nullable=True, max_length=100_000),
        Property("is_deleted", "boolean", on="update"),
    ),
    "pipeline": (
        Property("name", "text", required=True, non_empty=True, max_length=255),
        Property("is_deal_probability_enabled", "boolean"),
    ),
    "stage": (
        Property("name", "text", required=True, non_empty=True, max_length=255),
        Property("pipeline_id", "integer", required=True, reference="pipeline"),
        Property("deal_probability", "integer", minimum=0, maximum=100),
        Property("is_deal_rot_enabled", "boolean"),
        Property("days_to_rotten", "integer", nullable=True, minimum=1),
    ),
}
BY_NAME: Mapping[str, Mapping[str, Property]] = {
    name: {item.name: item for item in items} for name, items in PROPERTIES.items()
}
CONTACT_SYNC_KEYS = frozenset({"postal_address", "notes", "im", "birthday", "job_title"})
ORGANIZATION_DETAIL_KEYS = frozenset({"website", "linkedin", "industry", "annual_revenue", "employee_count"})
