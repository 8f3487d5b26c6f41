"""Errors as the service words them: an empty code, a constant outer message, and the infolog inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.sandbox.common.encoding import dump_bytes

WRITE_EXCEPTION = "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataWriteException"
DELETE_EXCEPTION = "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataDeleteException"
ODATA_EXCEPTION = "Microsoft.OData.ODataException"
ACTION_EXCEPTION = "System.InvalidOperationException"
_STACK = (
    "   at Microsoft.Dynamics.Platform.Integration.Services.OData.Update.UpdateProcessor"
    ".CreateEntity_Save(ChangeOperationContext context, ChangeInfo changeInfo)\r\n"
    "   at Microsoft.Dynamics.Platform.Integration.Services.OData.Update.ChangeInfo"
    ".ExecuteActionsInCompanyContext(IEnumerable`1 actionList, ChangeOperationContext operationContext)"
)

Failure = Literal["validation", "duplicate", "conflict", "posted"]


@dataclass(slots=True)
class Reply:
    """One answer, before it becomes HTTP or a part of a batch."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; odata.metadata=minimal; odata.streaming=true"
    headers: dict[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """A request that the service refuses; `reply` is the answer.

    The message of the exception is the text that a person would look for in the answer.
    """

    def __init__(self, reply: Reply, message: str) -> None:
        super().__init__(message)
        self.reply = reply


class WriteRefused(Exception):
    """The infolog of a refused write, before its status is chosen from the settings."""

    def __init__(self, *entries: str, failure: Failure = "validation") -> None:
        super().__init__("; ".join(entries))
        self.entries = entries
        self.failure: Failure = failure


def odata_error(
    status: int,
    message: str,
    exception: str = ODATA_EXCEPTION,
    *,
    stack: bool = True,
    headers: Mapping[str, str] | None = None,
) -> ServiceError:
    """Return an error in the shape of the entity layer, with the text in the inner error."""
    inner = {"message": message, "type": exception, "stacktrace": _STACK if stack else ""}
    body = {"error": {"code": "", "message": "An error has occurred.", "innererror": inner}}
    return ServiceError(Reply(status, dump_bytes(body), headers=dict(headers or {})), message)


def query_error(message: str) -> ServiceError:
    """Return the 400 of a request that the OData layer cannot read."""
    return odata_error(400, message)


def empty_error(status: int) -> ServiceError:
    """Return an error without a body."""
    return ServiceError(Reply(status, content_type=""), f"status {status} without a body")


def infolog(aot: str, entries: Sequence[str], verb: str = "Write") -> str:
    """Return the text of a refused write in the service's grammar."""
    return f"{verb} failed for table row of type '{aot}'. Infolog: {'; '.join(entries)}."


def no_route(uri: str) -> ServiceError:
    """Return the Web-API 404 that short and positional keys get."""
    message = f"No HTTP resource was found that matches the request URI '{uri}'."
    body: Any = {"Message": f"{message} No route data was found for this request."}
    return ServiceError(Reply(404, dump_bytes(body), "application/json; charset=utf-8"), message)


def related_value(value: object, label: str, related: str) -> str:
    """Return the infolog entry of a failed look-up."""
    return f"Warning: The value '{value}' in field '{label}' is not found in the related table '{related}'."


def validate_field(aot: str, name: str) -> str:
    """Return the generic entry that follows a failed field check."""
    return f"Warning: validateField failed on field '{aot}.{name}'."


def validate_write(table: str) -> str:
    """Return the generic entry that follows a failed record check."""
    return f"Warning: validateWrite failed on data source '{table} ({table})'."


def must_be_filled(label: str) -> str:
    """Return the entry for a mandatory field (wording differs between releases)."""
    return f"Error: Field '{label}' must be filled in."
