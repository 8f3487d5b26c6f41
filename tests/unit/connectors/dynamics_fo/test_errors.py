"""The table of outcomes, row by row."""

import httpx
import pytest

from headrace.connectors.dynamics_fo.errors import THROTTLE_SECONDS, failure_of, for_change, for_read
from headrace.core.contracts import AlreadyThere
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater, StopConnection

WRITE_ERROR = "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataWriteException"


def infolog(
    status: int, *entries: str, head: str = "Write failed for table row of type 'SomeEntity'."
) -> httpx.Response:
    message = f"{head} Infolog: " + "; ".join(entries)
    inner = {"message": message, "type": WRITE_ERROR, "stacktrace": "   at …"}
    body = {"error": {"code": "", "message": "An error has occurred.", "innererror": inner}}
    return httpx.Response(status, json=body)


def html(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={"content-type": "text/html", **headers}, text="<html>Bad gateway</html>")


RELATED = "Warning: The value 'ZZ' in field 'Customer group' is not found in the related table 'Customer groups'."
GENERIC = "Warning: validateField failed on field 'CustCustomerV3Entity.CustomerGroupId'."
DUPLICATE = (
    "Error: Cannot create a record in Customers (CustTable). Customer account: US-1.\nThe record already exists.."
)
CONFLICT = (
    "Error: Cannot edit a record in Sales orders (SalesTable). An update conflict occurred due to another user "
    "process deleting the record or changing one or more fields in the record."
)
SITE = "Error: Inventory dimension Site is mandatory and must consequently be specified."
CANCELLED = "Error: Update has been canceled.."
ODATA_TEXT = {"error": {"message": "Could not find a property named 'X' on type 'Y'."}}
NO_ROUTE = {"Message": "No HTTP resource was found … No route data was found for this request."}

USED = "Error: Invoice number A-1 already exists for invoice account 1001: voucher APIN000001."
POSTED = "Error: Journal 00001 is posted and cannot be changed."
OPEN = "Error: The amount to settle 100.01 exceeds the open amount 100 of invoice A-1."
UNPOSTED = "Error: Voucher 1 cannot be posted to a closed period."

CHANGES = [
    (infolog(400, USED), AlreadyThere, "already exists"),
    (infolog(500, USED), AlreadyThere, "already exists"),
    (infolog(400, "Error: Invoice A-1 has already been used in voucher 7."), AlreadyThere, "already been used"),
    (infolog(400, POSTED), RejectRecord, "posted: "),
    (infolog(403, POSTED), RejectRecord, "posted: "),
    (infolog(409, POSTED), RejectRecord, "posted: "),
    (infolog(500, POSTED), RejectRecord, "posted: "),
    (infolog(400, UNPOSTED), RejectRecord, "refused by F&O: "),
    (infolog(400, OPEN), RejectRecord, "invoice cannot be settled: "),
    (infolog(400, RELATED, GENERIC), RejectRecord, "related value missing"),
    (infolog(500, GENERIC, RELATED), RejectRecord, "related value missing"),
    (infolog(500, SITE, CANCELLED), RejectRecord, "required field is empty"),
    (infolog(400, "Error: Field 'Name' must be filled in."), RejectRecord, "required field is empty"),
    (infolog(400, "Error: Item '1' is blocked for 'Sales order'."), RejectRecord, "blocked or on hold"),
    (infolog(400, "Error: Credit limit 100 has been exceeded."), RejectRecord, "credit limit exceeded"),
    (infolog(400, "Error: Security policy permission denied."), RejectRecord, "permission denied"),
    (infolog(500, "Error: Something that no row knows."), RejectRecord, "refused by F&O"),
    (infolog(500, "Info: x.", head="Write returned RecId 0."), RejectRecord, "refused by F&O"),
    (infolog(400, "Error: Number 1 already exists elsewhere."), RejectRecord, "already exists"),
    (infolog(500, DUPLICATE), AlreadyThere, "already exists"),
    (infolog(400, DUPLICATE), AlreadyThere, "already exists"),
    (infolog(500, CONFLICT), RetryLater, "another process"),
    (infolog(400, CONFLICT), RetryLater, "another process"),
    (httpx.Response(400), RejectRecord, "request refused"),
    (httpx.Response(400, json=ODATA_TEXT), RejectRecord, "unknown field"),
    (httpx.Response(404, json=NO_ROUTE), RejectRecord, "record is not there"),
    (httpx.Response(401), StopConnection, "Map the application"),
    (httpx.Response(403), StopConnection, "roles"),
    (httpx.Response(409), ChangedMeanwhile, "changed meanwhile"),
    (httpx.Response(412), ChangedMeanwhile, "changed meanwhile"),
    (httpx.Response(429, headers={"retry-after": "7"}), RetryLater, "busy"),
    (httpx.Response(500), OutcomeUnknown, "500"),
    (html(500), OutcomeUnknown, "500"),
    (html(502), OutcomeUnknown, "502"),
    (html(503), OutcomeUnknown, "503"),
    (html(504), OutcomeUnknown, "504"),
    (httpx.Response(408), OutcomeUnknown, "408"),
    (httpx.Response(302, headers={"location": "https://login"}), OutcomeUnknown, "302"),
]


@pytest.mark.parametrize(("response", "kind", "words"), CHANGES)
def test_changes(response: httpx.Response, kind: type[Exception], words: str) -> None:
    error = for_change("create of CustomersV3", response)
    assert type(error) is kind
    assert words in f"{error} {getattr(error, 'remedy', '')}"


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(400), RejectRecord),
        (httpx.Response(401), StopConnection),
        (httpx.Response(403), StopConnection),
        (httpx.Response(429), RetryLater),
        (httpx.Response(500), RetryLater),
        (html(503), RetryLater),
    ],
)
def test_reads(response: httpx.Response, kind: type[Exception]) -> None:
    assert type(for_read("CustomersV3", response)) is kind


def test_the_operator_reads_the_useful_entry_of_the_infolog() -> None:
    assert failure_of(infolog(400, GENERIC, RELATED)).text == RELATED.removeprefix("Warning: ")
    assert failure_of(infolog(400, GENERIC)).text.startswith("validateField failed")
    assert failure_of(infolog(500, DUPLICATE)).text == (
        "Cannot create a record in Customers (CustTable). Customer account: US-1. The record already exists."
    )


def test_waits() -> None:
    told, untold = httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(429)
    assert getattr(for_change("x", told), "after", None) == 7
    assert getattr(for_change("x", untold), "after", None) == THROTTLE_SECONDS


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"error": 1}', b'{"error": {"innererror": 2}}', b"\xff"])
def test_no_body_breaks_the_reader(body: bytes) -> None:
    response = httpx.Response(500, headers={"content-type": "application/json"}, content=body)
    assert isinstance(for_change("x", response), OutcomeUnknown)
