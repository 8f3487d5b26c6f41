"""The switches of the RecordEngine sandbox.

What the vendor's pages say is fixed behaviour; what they leave open (R-…) is a switch, or a name in `contract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator

from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.recordengine.statuses import APPROVED, NAMES
from headrace.sandbox.recordengine.wire import Wire

Placement = Literal["extracted", "top", "custom", "mixed"]
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "documents": ("filename",),
    "contacts": ("name",),
    "folders": ("name",),
}


class RecordEngineSettings(SandboxSettings):
    """What `POST /_sandbox/settings` changes."""

    # Names and forms
    contract: dict[str, Any] = Field(
        default_factory=dict, description="a contract file: what differs from the usual names, and nothing else"
    )
    public_url: str = Field(default="", description="beginning of doc_url; that of the last call, if empty")
    bare_arrays: bool = Field(default=False, description="lists come without their envelope (R-03)")
    optional_fields: bool = Field(default=True, description="updated_at, exported_at and version are shown (R-23)")
    document_placement: Placement = "extracted"
    v1_placement: Placement = "extracted"
    v2_placement: Placement = Field(
        default="mixed", description="mixed: at the top, but for those that profiles add, which are custom (R-15)"
    )
    amounts: Literal["published", "text", "number", "local"] = Field(
        default="published", description="published: text, but numbers in lines of v2; local: 1.280,25"
    )
    refs_form: Literal["object", "text", "null", "empty"] = Field(
        default="object", description="text: JSON in a string; null and empty: as if nobody had sent any"
    )
    labels: dict[str, int] = Field(
        default_factory=lambda: {"Good": 80, "Fair": 60}, description="lowest confidence of each; else Poor (R-22)"
    )

    # Processing
    seed: int = Field(default=1, description="of times, and of what is read of files without a script")
    queue_seconds: float = Field(default=2.0, ge=0, description="from New to Processing")
    processing_seconds: tuple[float, float] = (10.0, 30.0)
    first_document_seconds: tuple[float, float] | None = Field(
        default=None, description="of the first document after a start, such as 120 to 300; none: as any other"
    )
    audio_seconds_per_minute: float = Field(default=15.0, ge=0)
    audio_minutes: float = Field(default=5.0, ge=0, description="length of a recording without a script")
    email_seconds: tuple[float, float] = (60.0, 180.0)
    heartbeat_seconds: float = Field(default=300.0, gt=0, description="between two runs of rules with a heartbeat")
    locked_statuses: list[str] = Field(default_factory=lambda: [APPROVED], description="fields are not changed then")
    foreign_folder: Literal["refuse", "accept"] = Field(
        default="refuse", description="what happens to an upload into a folder of another contact"
    )

    # Webhooks
    webhook_generation: Literal["v1", "v2"] = "v2"
    webhook_timeout_seconds: float = Field(default=10.0, gt=0, description="R-12")
    webhook_retry_seconds: list[float] = Field(default_factory=list, description="before each further attempt (R-12)")
    offline_events: Literal["dropped", "kept"] = Field(
        default="dropped", description="what becomes of events in Offline Mode (R-13); kept: sent afterwards"
    )

    # Limits
    requests_per_minute: int = Field(default=60, ge=0, description="R-19; 0: no limit")
    retry_after_header: bool = True

    _wire: Wire | None = PrivateAttr(default=None)
    _wire_of: dict[str, Any] | None = PrivateAttr(default=None)

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether the sandbox can keep a field otherwise than it was sent."""
        return field in _FIELDS.get(object_, ())

    @property
    def wire(self) -> Wire:
        """Names that are in force."""
        if self._wire is None or self._wire_of is not self.contract:
            self._wire, self._wire_of = Wire(self.contract), self.contract
        return self._wire

    @field_validator("contract")
    @classmethod
    def _is_contract(cls, own: dict[str, Any]) -> dict[str, Any]:
        Wire(own)
        return own

    @field_validator("locked_statuses")
    @classmethod
    def _are_statuses(cls, words: list[str]) -> list[str]:
        unknown = [word for word in words if word not in NAMES]
        if unknown:
            raise ValueError(f"there is no status {', '.join(unknown)}; known are {', '.join(NAMES)}")
        return words

    @field_validator("processing_seconds", "first_document_seconds", "email_seconds")
    @classmethod
    def _is_range(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 <= value[0] <= value[1]:
            raise ValueError("write the shortest time and the longest, in seconds")
        return value
