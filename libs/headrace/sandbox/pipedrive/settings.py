"""The switches of the sandbox, changed through `POST /_sandbox/settings`.

What Pipedrive documents is fixed behaviour; what it leaves open, or does differently from account to account, is a
switch here. The default is the variant that is hardest on a client, so that a client which works here works there.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.pipedrive.properties import BY_NAME

CUSTOM = "custom"
"""Under this name a transform names custom fields by their display name."""


class Settings(SandboxSettings):
    """All switches with their defaults; an unknown name is refused."""

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether requests set this field: `organization.name`, `organization.custom.VAT number`, `product.prices`."""
        name, _, inner = field.partition(".")
        return object_ in BY_NAME and (name in BY_NAME[object_] or bool(name == CUSTOM and inner))

    # Access
    accept_api_token_query: bool = Field(default=True, description="take ?api_token= as well as the header")
    account_open: bool = Field(default=True, description="false: every call is answered with 402")
    oauth_decision: Literal["approve", "deny"] = "approve"
    access_token_seconds: int = Field(default=3599, ge=1)
    refresh_token_days: int = Field(default=60, ge=1)
    rotate_refresh_token: bool = Field(default=False, description="true: each refresh returns a new refresh token")

    # Plan and features
    contact_sync: bool = Field(default=False, description="false: job_title, birthday, … are answered with 403")
    campaigns: bool = False
    organization_details: bool = Field(default=False, description="website, linkedin, industry, … exist")
    recurring_products: bool = Field(default=True, description="false: plan below Growth, recurring lines get 403")
    open_deals_limit: int | None = Field(default=None, ge=0)
    custom_fields_limit: int | None = Field(default=None, ge=0)

    # Reading
    null_custom_fields: bool = Field(default=True, description="unset custom fields appear as null")
    get_deleted: Literal[200, 404] = Field(default=200, description="answer to reading a soft-deleted record")
    deleted_in_lists: bool = Field(default=False, description="updated_since also finds deleted contacts, products")
    search_index_lag_seconds: float = Field(default=0.0, ge=0)
    field_search_shape: Literal["flat", "item"] = "flat"
    file_download_redirects: bool = False

    # Writing
    second_delete: Literal[200, 404, 410] = 404
    restore_by_patch: bool = Field(default=True, description="is_deleted: false brings a deleted record back")
    empty_custom_fields_clears: bool = Field(default=True, description='"custom_fields": {} empties all of them')
    v1_deal_needs_contact: bool = True
    pipeline_without_stage: Literal["first_stage", "reject"] = "first_stage"
    bulk_is_atomic: bool = True
    organization_merge_joins_texts: bool = True

    # Deal products
    value_follows_products: bool = True
    value_with_products: Literal["overwritten", "kept", "rejected"] = "overwritten"
    line_change_touches_deal: Literal["value", "always", "never"] = Field(
        default="value", description="when update_time of the deal moves: on a changed value, on any line change"
    )
    sum_contains_exclusive_tax: bool = True
    amount_discount_per: Literal["line", "unit"] = "line"
    round_sums: bool = True
    default_tax_method: Literal["exclusive", "inclusive", "none"] = "exclusive"

    unlinkable_products: Literal["refuse", "accept"] = Field(
        default="refuse", description="a line of a product whose is_linkable is false"
    )

    # Webhooks
    webhook_url_check: Literal["syntax", "public", "reachable"] = Field(
        default="syntax", description="syntax lets localhost pass; public also wants https and a public name"
    )
    webhook_limit: int = Field(default=40, ge=0)
    webhook_ban_after: int = Field(default=10, ge=1)
    webhook_ban_seconds: float = Field(default=1800.0, ge=0)
    webhook_success_clears_failures: bool = False
    webhook_days_until_removed: int = Field(default=3, ge=1)
    webhook_v1_duplicates: bool = Field(default=False, description="a v1 change is delivered twice")

    # Limits
    burst_limit: int = Field(default=100_000, ge=1, description="requests per token in any two seconds")
    search_burst_limit: int = Field(default=100_000, ge=1, description="searches per token in two seconds; really 10")
    daily_token_budget: int = Field(default=100_000_000, ge=0)
    daily_headers: bool = True
    retry_after_header: bool = False
    block_after_refusals: int | None = Field(
        default=None, ge=1, description="so many 429 in a row turn into 403 with an HTML page"
    )
