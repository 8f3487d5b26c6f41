"""Error answers in the grammar of Pipedrive: https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

ERROR_INFO = "Please check developers.pipedrive.com for more information about Pipedrive API."

ABUSE_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied</title></head>"
    "<body><h1>Error 1015</h1><p>You are being rate limited.</p></body></html>"
)


class ApiError(Exception):
    """An answer other than success; raised anywhere below the gateway, which sends it and rolls the change back."""

    def __init__(self, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def documented(status: int, text: str, code: str | None = None) -> ApiError:
    """Return the documented error envelope; `code` names a plan limit, as `feature_capping_deals_limit`."""
    body: dict[str, Any] = {"success": False, "error": text, "error_info": ERROR_INFO}
    if code is not None:
        body["code"] = code
    return ApiError(status, body | {"data": None, "additional_data": None})


def bad_request(text: str) -> ApiError:
    """Return 400 in the documented envelope."""
    return documented(400, text)


def not_found(label: str) -> ApiError:
    """Return 404 for a record that does not exist or is not visible."""
    return documented(404, f"{label} not found")


def forbidden(text: str = "You do not have permissions to do this.", code: str | None = None) -> ApiError:
    """Return 403: permission, plan limit or missing feature."""
    return documented(403, text, code)


def validation_failed(problems: Sequence[str]) -> ApiError:
    """Return the 400 of the v2 schema check; several problems share one prefix."""
    return ApiError(
        400,
        {
            "success": False,
            "error": "Validation failed: " + "; ".join(problems),
            "code": "ERR_SCHEMA_VALIDATION_FAILED",
        },
    )


def not_allowed(name: str) -> str:
    """Return the problem text for an unknown key of body or query."""
    return f"{name}: Parameter '{name}' is not allowed for this request"


def unauthorized() -> ApiError:
    """Return the gateway's 401, which comes before routing."""
    return ApiError(
        401,
        {
            "success": False,
            "error": "unauthorized access",
            "errorCode": 401,
            "error_info": "Please check developers.pipedrive.com",
        },
        {"x-401-by-gw": "true", "x-correlation-id": str(uuid.uuid4())},
    )


def webhook_error(status: int, errors: Mapping[str, Sequence[str]]) -> ApiError:
    """Return the error shape that only the webhook endpoints use."""
    return ApiError(status, {"status": "error", "success": False, "errors": dict(errors)})
