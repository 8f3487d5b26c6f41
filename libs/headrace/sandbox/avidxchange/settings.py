"""The switches of the AvidXchange sandbox.

The vendor's reference is behind a partner login. What old clients and public pages show is fixed behaviour; what they
leave open is a switch, and its default is the strict choice.
"""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.sandbox.avidxchange.fields import FIELDS
from headrace.sandbox.common.settings import SandboxSettings


class Renames(BaseModel):
    """Other names than the usual ones, usual → other; the usual name is then unknown to the sandbox."""

    model_config = ConfigDict(extra="forbid")

    headers: dict[str, str] = Field(default_factory=dict, description="X-Avid-User-Token → X-User-Key")
    paths: dict[str, str] = Field(
        default_factory=dict,
        description="a path or its beginning, {} for any one segment: /v1/payments/{}/paymenthistory → /v2/events/{}",
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="AchTraceNumber → TraceNumber, everywhere; payments.CurrencyCode → Currency below /v1/payments",
    )
    parameters: dict[str, str] = Field(default_factory=dict, description="pageNumber → page")


class AvidSettings(SandboxSettings):
    """What `POST /_sandbox/settings` changes."""

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether items of a bulk call have a field."""
        return object_ in FIELDS and field.partition(".")[0] in FIELDS[object_]

    # Access
    auth_profile: Literal["company_user_tokens", "partner_oauth", "avidsuite_v1"] = "company_user_tokens"
    error_shape: Literal["exception", "flat"] = Field(
        default="exception", description="flat: avidMessageId, detail, reason, source"
    )
    unauthorized_body: Literal["same", "gateway_fault", "gateway_flat"] = Field(
        default="same", description="who answers 401: the API in its own shape, or the WSO2 gateway in one of its two"
    )
    access_token_seconds: int = Field(default=3600, ge=1)
    authorizations_unavailable: bool = Field(
        default=False, description="POST /v1/authorizations answers 503 and repeats what was sent, password included"
    )

    # Names and forms
    renames: Renames = Field(default_factory=Renames)
    timezone: str = Field(default="UTC", description="zone of the naive timestamps; filters stay UTC days")
    timestamp_fraction_digits: int = Field(default=0, ge=0, le=6)
    timestamp_separator: Literal["T", " "] = "T"
    amounts: Literal["two_places", "three_places", "shortest"] = Field(
        default="two_places", description="1280.20, 1280.200 or 1280.2; always JSON numbers, digit for digit"
    )
    numbers_as_numbers: bool = Field(default=False, description="Number and PONumber of digits come as JSON numbers")
    status_words: dict[str, str] = Field(default_factory=dict, description="other words of a status: Void → Voided")
    method_words: dict[str, str] = Field(default_factory=dict, description="other words of a method: Check → …")

    # Paging and filters
    paging_shape: Literal["PageCount", "Pages", "absent", "camel"] = Field(
        default="PageCount", description="absent: one page with everything; camel: items, paging.pages, no links"
    )
    page_size: int = Field(default=500, ge=1, le=500, description="without pageSize")
    page_size_cap: int = Field(default=500, ge=1)
    next_links: bool = True
    filter_days: int = Field(default=30, ge=1, description="longest window of days, both ends counted")

    # Bulk calls
    bulk_limit: int = Field(default=500, ge=1)
    description_limit: int = Field(default=50, ge=1, description="characters of a code's description")
    required_address_fields: list[str] = Field(default_factory=lambda: ["Line1", "City", "State", "PostalCode"])
    key_case: Literal["exact", "ignored"] = Field(
        default="exact", description="ignored: v1 is the vendor V1; the record keeps the key that it was created with"
    )
    unknown_fields: Literal["refuse", "ignore"] = "refuse"
    purchase_orders: bool = Field(default=False, description="false: /v1/purchaseOrders is answered with 404")
    results_shape: Literal["array", "object"] = Field(
        default="array", description="object: a single result, or a single error, comes without its array"
    )
    successful_as_text: bool = Field(default=False, description='"true" and "false" in place of true and false')

    # Invoices
    reopened_batch_details: Literal["not_found", "current"] = "not_found"
    image_requires_auth: bool = True
    image_link_hours: float = Field(default=24.0, gt=0)

    # Limits
    requests_per_minute: int = Field(default=120, ge=0, description="for each credential; 0: no limit")
    retry_after_header: bool = True
    retry_after_seconds: int | None = Field(default=None, ge=0, description="in place of the rest of the minute")

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone; write one such as America/New_York") from error
        return name
