"""Errors in the shapes that were seen: AvidSuite's own, the newer flat one, and the two of the WSO2 gateway.

Gateway: https://apim.docs.wso2.com (error handling, rate limiting).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    410: "Gone",
    500: "InternalServerError",
}
_GATEWAY_MESSAGES = {900901: "Invalid Credentials", 900902: "Missing Credentials"}


@dataclass(slots=True)
class Reply:
    """One answer; a body of bytes is sent as it is, everything else as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class ApiError(Exception):
    """A refused request; the message is the `detail` of the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status

    def body(self, shape: Literal["exception", "flat"]) -> Mapping[str, Any]:
        """Return the answer's body."""
        reason, detail = REASONS[self.status], str(self)
        if shape == "flat":
            message_id = str(uuid.uuid4())
            return {"avidMessageId": message_id, "detail": detail, "reason": reason, "source": "AvidConnect"}
        return {"exception": {"reason": reason, "detail": detail}}


class Unauthorized(ApiError):
    """A 401, which the gateway answers instead where the settings say so; `missing`: no credential came at all."""

    def __init__(self, detail: str, *, missing: bool = False) -> None:
        super().__init__(401, detail)
        self.code = 900902 if missing else 900901


def gateway_fault(error: Unauthorized) -> Mapping[str, Any]:
    """Return a 401 as older gateways word it."""
    return {"fault": {"code": error.code, "message": _GATEWAY_MESSAGES[error.code], "description": str(error)}}


def gateway_flat(error: Unauthorized) -> Mapping[str, Any]:
    """Return a 401 as newer gateways word it."""
    return {"code": str(error.code), "message": _GATEWAY_MESSAGES[error.code], "description": str(error)}


def throttled(seconds: int, headers: Mapping[str, str]) -> Reply:
    """Return the gateway's 429."""
    text = f"You have exceeded your quota. You can access the API again in {seconds} seconds"
    body = {"code": "900800", "message": "Message throttled out", "description": text}
    return Reply(body, 429, dict(headers))
