"""The switches of the F&O sandbox.

Where the behaviour is not documented or was seen to differ, there is a switch; its default is the strict choice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES


class FinanceSettings(SandboxSettings):
    """What `POST /_sandbox/settings` changes."""

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether an entity set has a property."""
        return object_ in ENTITIES and field in ENTITIES[object_].by_name

    # Sign-in
    token_lifetime_seconds: int = Field(default=3599, ge=1, description="Entra's usual hour less a second")
    resource_url: str = Field(default="", description="audience that tokens must carry; empty: origin of the request")
    unauthorized_body: Literal["empty", "html"] = "empty"

    # Reading
    page_size: int = Field(default=10_000, ge=1, le=10_000, description="server maximum of rows per page")
    string_functions: bool = Field(default=False, description="accept contains, startswith, endswith in $filter")
    missing_record_body: Literal["odata", "web_api", "empty"] = "odata"
    unknown_property_body: Literal["text", "empty"] = "text"

    # Writing
    validation_status: Literal[400, 500] = 400
    duplicate_status: Literal[400, 500] = Field(default=500, description="500 was seen inside a batch")
    conflict_status: Literal[400, 500] = 500
    stale_etag_status: Literal[412, 409] = 412
    read_only_fields: Literal["refuse", "ignore"] = "refuse"
    key_change: Literal["refuse", "ignore"] = "refuse"
    long_strings: Literal["refuse", "truncate"] = "refuse"
    patch_unknown_key: Literal["refuse", "create"] = "refuse"
    patch_etag: bool = Field(default=False, description="204 of a PATCH carries the new ETag")
    patch_representation: bool = Field(
        default=False, description="PATCH with Prefer: return=representation answers 200"
    )
    dimension_errors: Literal["refuse", "silent"] = Field(
        default="refuse", description="silent: a malformed default dimension is accepted and dropped"
    )
    site_mandatory: bool = True
    credit_limit_message: Literal["warning", "error"] = Field(
        default="warning", description="what exceeding a credit limit gives; a warning does not show over OData"
    )
    stopped_lifecycle_states: list[str] = Field(
        default_factory=list, description="ProductLifecycleStateId in which an item is stopped for sales"
    )
    infolog_stacktrace: bool = True
    line_conflict_probability: float = Field(default=1.0, ge=0, le=1)
    item_tax_percent: dict[str, Decimal] = Field(
        default_factory=dict, description="sales tax in percent by item sales tax group, for totals of orders"
    )
    invoice_number_check: Literal["save", "posting"] = Field(
        default="save", description="when a vendor's invoice number that is used already is refused"
    )
    invoice_hold_check: Literal["save", "posting"] = Field(
        default="save", description="when a vendor that is on hold for invoices is refused"
    )
    confirmed_orders: Literal["refuse", "change"] = Field(
        default="refuse", description="whether a confirmed purchase order may be changed, to be confirmed anew"
    )
    invoice_workflow: bool = Field(default=False, description="vendor invoices are posted only when approved")
    posted_invoices: Literal["gone", "refuse"] = Field(
        default="gone", description="what a change of a posted vendor invoice meets: a 404, or an infolog"
    )
    posted_change_status: Literal[400, 403, 409, 500] = Field(
        default=400, description="status of a refused change of a posted invoice or journal"
    )
    settled_invoices: Literal["writable", "read_only"] = Field(
        default="writable", description="whether rows of VendorPaymentJournalLineSettledInvoices can be written"
    )
    settle_pending_invoices: bool = Field(default=False, description="pending invoices can be marked for settlement")
    journal_posting: Literal["immediate", "batch"] = Field(
        default="immediate", description="batch: a journal is posted when the batch runs, /_sandbox/batch/run"
    )
    line_write_seconds: float = Field(default=0.002, ge=0, description="how long a line write holds its order")
    content_id_references: bool = Field(default=False, description="resolve $1 in later URLs of a changeset")

    # Limits and gateways
    throttling: Literal["off", "resource", "legacy"] = "off"
    throttle_probability: float = Field(default=0.2, ge=0, le=1, description="share of 429 in resource mode")
    retry_after_seconds: int = Field(default=30, ge=0)
    retry_after_header: bool = True
    legacy_requests: int = Field(default=6000, ge=1)
    legacy_seconds: float = Field(default=1200.0, gt=0)
    legacy_concurrency: int = Field(default=52, ge=1)
    gateway_error_probability: float = Field(default=0.0, ge=0, le=1, description="share of HTML 502 and 503")
    slow_first_call_seconds: float = Field(default=0.0, ge=0, description="metadata cache after a restart")

    # Business events
    event_envelope: Literal["full", "short"] = Field(default="full", description="short: as sent until 2021")
    endpoint_test_must_succeed: bool = True
    legal_entity_case: Literal["upper", "lower"] = "lower"
    control_number_gap: int = Field(default=5, ge=1, description="largest step between two control numbers")
