"""One operation as it came: by itself or inside a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.encoding import load
from headrace.sandbox.dataverse.contexts import Context
from headrace.sandbox.dataverse.errors import BAD_PAYLOAD, ServiceError

REPRESENTATION = "return=representation"


@dataclass(slots=True)
class Call:
    """An operation; `path` is decoded and below the service root, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    context: Context
    base_url: str

    def json(self) -> Mapping[str, Any]:
        """Return the body as a JSON object.

        Raises:
            ServiceError: a 400.
        """
        try:
            parsed = load(self.body)
        except ValueError as error:
            raise ServiceError(
                400, BAD_PAYLOAD, f"Error identified in Payload provided by the user: it is not JSON ({error})."
            ) from error
        if not isinstance(parsed, dict):
            raise ServiceError(400, BAD_PAYLOAD, "Error identified in Payload: it must be a JSON object.")
        return parsed

    @property
    def prefer(self) -> str:
        """Return the preferences."""
        return self.headers.get("prefer", "")

    @property
    def wants_row(self) -> bool:
        """Whether a change is to be answered with the row."""
        return REPRESENTATION in self.prefer

    @property
    def applied(self) -> dict[str, str]:
        """Return the header that tells a reader which preferences were followed."""
        return {"Preference-Applied": self.prefer} if "odata." in self.prefer else {}

    def condition(self, name: str) -> str:
        """Return If-Match or If-None-Match; the client's habitual "null" is none."""
        value = self.headers.get(name, "").strip()
        return "" if value.lower() == "null" else value
