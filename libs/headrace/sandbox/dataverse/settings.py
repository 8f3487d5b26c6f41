"""The switches of the Dataverse sandbox.

Where the behaviour is not documented or was seen to differ, there is a switch; its default is the strict choice.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.dataverse.tables.catalog import TABLES


class DataverseSettings(SandboxSettings):
    """What `POST /_sandbox/settings` changes."""

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether a table of a new environment has a column, or the column could have been added to it."""
        return object_ in TABLES and (field in TABLES[object_].by_name or "_" in field)

    # Sign-in
    token_lifetime_seconds: int = Field(default=3599, ge=1, description="Entra's usual hour less a second")
    resource_url: str = Field(default="", description="audience that tokens must carry; empty: origin of the request")
    unauthorized_body: Literal["empty", "json"] = "empty"

    # Reading
    page_size: int = Field(default=5_000, ge=1, le=5_000, description="server maximum of rows per page")
    count_limit: int = Field(default=5_000, ge=1, description="highest number that $count tells")
    expand_limit: int = Field(default=15, ge=1)
    annotate_nulls: bool = Field(default=False, description="true: annotations of empty columns too")

    # Writing
    read_only_columns: Literal["ignore", "refuse"] = Field(
        default="ignore", description="what a write of a computed or insert-only column meets"
    )
    frozen_states: dict[str, list[int]] = Field(
        default_factory=dict, description="table → states in which its rows refuse changes, in place of the usual ones"
    )
    entity_id_of_key: Literal["key", "guid"] = Field(
        default="key", description="what OData-EntityId holds after an upsert by alternate key"
    )
    key_activation_seconds: float = Field(default=60.0, ge=0, description="how long the index of a new key is built")
    null_keys: Literal["ignored", "unique"] = Field(
        default="ignored", description="whether rows without a value collide on an alternate key"
    )
    create_missing_system_columns: Literal["accept", "refuse"] = Field(
        default="refuse", description="what a new row without a system-required column meets"
    )
    duplicate_detection: dict[str, list[str]] = Field(
        default_factory=dict, description="table → columns of its published duplicate-detection rule"
    )
    duplicate_detected_status: Literal[412, 500] = 412
    deadlock_next: int = Field(default=0, ge=0, description="so many next writes end as SQL deadlock, and do nothing")
    max_request_bytes: int = Field(default=125_829_120, ge=1, description="larger bodies meet a 413")

    # Change tracking
    change_tracking_expired_status: Literal[400, 410] = 410

    # Limits
    throttling: bool = Field(default=False, description="enforce the three limits")
    request_limit: int = Field(default=6000, ge=1)
    execution_limit_seconds: float = Field(default=1200.0, gt=0)
    concurrency_limit: int = Field(default=52, ge=1)
    limit_window_seconds: float = Field(default=300.0, gt=0)
    retry_after_seconds: int = Field(default=0, ge=0, description="Retry-After; 0: computed from the window")
    throttle_next: list[Literal["requests", "time", "concurrency"]] = Field(
        default_factory=list, description="limits that the next requests meet, one after the other"
    )
    latency_seconds: float = Field(default=0.0, ge=0, description="how long every request takes at least")
    parallelism_hint: int = Field(default=10, ge=1, description="x-ms-dop-hint")

    # Webhooks
    webhook_ports: Literal["any", "80_443"] = Field(default="any", description="80_443: as the service has it")
    webhook_payload_limit: int = Field(default=262_144, ge=1, description="bytes above which the data is left out")
    webhook_timeout_seconds: float = Field(default=60.0, gt=0)
    lookup_names: bool = Field(default=False, description="webhooks name the record that a lookup leads to")
