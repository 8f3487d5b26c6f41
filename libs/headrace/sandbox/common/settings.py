"""Base of every sandbox's switches; each system adds its own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.sandbox.common.alterations import checked


class SandboxSettings(BaseModel):
    """Switches that `POST /_sandbox/settings` changes while the sandbox runs."""

    model_config = ConfigDict(extra="forbid")

    retry_time_scale: float = Field(default=1.0, ge=0, description="factor on the vendor's webhook retry delays")
    transform: dict[str, str] = Field(
        default_factory=dict,
        description="object.field → truncate:N, fold or round:N: what is written through the API is kept so",
    )

    @field_validator("transform")
    @classmethod
    def _fits(cls, rules: dict[str, str]) -> dict[str, str]:
        checked(rules, cls.knows)
        return rules

    @classmethod
    def knows(cls, object_: str, field: str) -> bool:
        """Whether an object of the system has a field; each system says which."""
        return bool(object_ and field)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set switches in place, all or none.

        Raises:
            pydantic.ValidationError: an unknown name or a value that does not fit.
        """
        checked = type(self).model_validate({**self.model_dump(), **changes})
        for name in type(self).model_fields:
            setattr(self, name, getattr(checked, name))

    def restore_defaults(self) -> None:
        """Return every switch to its default."""
        self.change(type(self)().model_dump())
