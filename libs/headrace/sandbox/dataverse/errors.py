"""Errors as the service words them: a code that is not tied to the status, and a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Table

JSON = "application/json; odata.metadata=minimal"

INVALID_ARGUMENT = "0x80040203"
MISSING = "0x80040217"
NO_PRIVILEGE = "0x80040220"
DUPLICATE = "0x80040237"
REFUSED_BY_RULE = "0x80040265"
DUPLICATE_DETECTED = "0x80040333"
DEADLOCK = "0x80044150"
OUT_OF_RANGE = "0x80044330"
TOO_LONG = "0x80044331"
EXPIRED_VERSION = "0x80044352"
BAD_OPTION = "0x8004431a"
BAD_PAYLOAD = "0x80048d19"
BAD_QUERY = "0x80060888"
STALE = "0x80060882"
NO_ROW_OF_KEY = "0x80060891"
KEY_VIOLATED = "0x80060892"
NOT_A_MEMBER = "0x80072560"


@dataclass(slots=True)
class Reply:
    """One answer, before it becomes HTTP or a part of a batch."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class ServiceError(Exception):
    """A request that the service refuses; its text is the message of the answer."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, bare: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        self.bare = bare

    def reply(self, annotated: bool = False) -> Reply:
        """Return the answer; with annotations asked for, the error carries its details as well."""
        if self.bare:
            return Reply(self.status, content_type="", headers=self.headers)
        error: dict[str, str] = {"code": self.code, "message": self.message}
        if annotated:
            error |= {
                "@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus": "0",
                "@Microsoft.PowerApps.CDS.ErrorDetails.SubErrorCode": "2147746581",
                "@Microsoft.PowerApps.CDS.HelpLink": f"http://go.microsoft.com/fwlink/?LinkID=398563&error={self.code}",
                "@Microsoft.PowerApps.CDS.TraceText": "",
                "@Microsoft.PowerApps.CDS.InnerError.Message": self.message,
            }
        return Reply(self.status, dump_bytes({"error": error}), headers=self.headers)


def bad_payload(table: Table, detail: str) -> ServiceError:
    """Return the 400 of a body that names or holds what the table does not take."""
    text = (
        f"Error identified in Payload provided by the user for Entity :'{table.set}', For more information on this "
        f"error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  {detail}"
    )
    return ServiceError(400, BAD_PAYLOAD, text)


def undeclared(table: Table, name: str) -> ServiceError:
    """Return the 400 of a property in a body that the table does not have."""
    type_name = f"{NAMESPACE}.{table.name}"
    detail = (
        f"InnerException : Microsoft.OData.ODataException: An undeclared property '{name}' which only has property "
        "annotations in the payload but no property value was found in the payload. In OData, only declared "
        f"navigation properties and declared named streams can be represented as properties without values.  "
        f"Type '{type_name}'."
        if "@" in name
        else f"InnerException : Microsoft.Crm.CrmException: Invalid property '{name}' was found in entity "
        f"'{type_name}'. ---> Microsoft.OData.ODataException: The property '{name}' does not exist on type "
        f"'{type_name}'. Make sure to only use property names that are defined by the type."
    )
    return bad_payload(table, detail)


def unknown_property(type_name: str, name: str) -> ServiceError:
    """Return the 400 of a property in a query that the table does not have."""
    return ServiceError(400, BAD_QUERY, f"Could not find a property named '{name}' on type '{NAMESPACE}.{type_name}'.")


def bad_query(message: str) -> ServiceError:
    """Return the 400 of a query that cannot be read."""
    return ServiceError(400, BAD_QUERY, message)


def no_segment(name: str) -> ServiceError:
    """Return the 404 of an address that leads nowhere."""
    return ServiceError(404, "0x8006088a", f"Resource not found for the segment '{name}'.")


def missing(table: Table, key: str) -> ServiceError:
    """Return the 404 of a row that is not there."""
    return ServiceError(404, MISSING, f"Entity '{table.name}' With Id = {key} Does Not Exist")


def refused(message: str) -> ServiceError:
    """Return the 400 of a business rule; its code is that of a plug-in that refuses."""
    return ServiceError(400, REFUSED_BY_RULE, message)


def not_allowed(message: str) -> ServiceError:
    """Return a 405."""
    return ServiceError(405, "0x80060888", message)
