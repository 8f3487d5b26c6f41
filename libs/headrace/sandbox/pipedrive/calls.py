"""One API call on its way through: what was asked, by whom, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from headrace.sandbox.common.encoding import load
from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.errors import ApiError, bad_request, forbidden, not_found, validation_failed

Version = Literal["v1", "v2"]

LABELS: Mapping[str, str] = {
    "deal": "Deal",
    "person": "Person",
    "organization": "Organization",
    "product": "Product",
    "activity": "Activity",
    "pipeline": "Pipeline",
    "stage": "Stage",
    "note": "Note",
    "file": "File",
    "filter": "Filter",
    "activity_type": "Activity type",
}


@dataclass(slots=True)
class Call:
    """A call that has passed the gateway; `query` holds repeated keys joined by commas."""

    account: Account
    caller: Caller
    version: Version
    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    raw: bytes
    client_id: str | None = None
    is_admin: bool = True

    def body(self) -> Any:
        """Parse the body: JSON, and in v1 also a form.

        Raises:
            ApiError: 400, not JSON.
        """
        if self.version == "v1" and self.content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.raw.decode("utf-8", "replace"), keep_blank_values=True))
        if not self.raw:
            return {}
        try:
            return load(self.raw)
        except ValueError:
            raise bad_request("Bad request: the body is not valid JSON") from None

    def body_object(self) -> Data:
        """Parse a body that must be an object.

        Raises:
            ApiError: 400, it is not.
        """
        body = self.body()
        if not isinstance(body, dict):
            raise validation_failed(["body: Expected object"]) if self.version == "v2" else bad_request("Bad request")
        return body

    def id(self, name: str = "id") -> int:
        """Return a numeric path parameter.

        Raises:
            ApiError: 400, not a positive number.
        """
        text = self.path[name]
        if not text.isdecimal() or not 0 < int(text) < 2**53:
            raise (
                validation_failed([f"{name}: Expected number, received '{text}'"])
                if self.version == "v2"
                else bad_request(f"{name} is not a valid number")
            )
        return int(text)

    def record(self, object_: str, name: str = "id", *, deleted: bool = False) -> Data:
        """Return the record that the path names.

        Raises:
            ApiError: 404, there is none, or it is deleted and `deleted` does not allow that.
        """
        found = self.account.get(object_, self.id(name))
        if found is None or (found.get("is_deleted") and not deleted):
            raise not_found(LABELS.get(object_, object_.replace("_", " ").capitalize()))
        return found

    def require_admin(self) -> None:
        """Let only administrators pass.

        Raises:
            ApiError: 403.
        """
        if not self.is_admin:
            raise forbidden()


@dataclass(slots=True)
class Reply:
    """What a handler answers: an object for JSON, or bytes."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path; `cost` in tokens, `scopes` of which an OAuth token needs one.

    Source of costs: `x-token-cost` in the OpenAPI files.
    """

    version: Version
    method: str
    path: str
    handler: Handler
    cost: int
    scopes: tuple[str, ...] = ()
    is_search: bool = False


def single(data: Any, status: int = 200, **extra: Any) -> Reply:
    """Return the success envelope of one object."""
    return Reply({"success": True, "data": data, **extra}, status)


class Routes:
    """Finds the endpoint for a method and a path; a fixed segment wins over a parameter."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._roots: dict[str, dict[Any, Any]] = {}
        for endpoint in endpoints:
            node = self._roots.setdefault(endpoint.version, {})
            for segment in endpoint.path.strip("/").split("/"):
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            node.setdefault(None, {})[endpoint.method] = endpoint

    def find(self, version: str, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """Return the endpoint and its path parameters.

        Raises:
            ApiError: 404 for an unknown path, 405 for a verb that the path does not have.
        """
        segments = path.strip("/").split("/")
        methods = self._walk(self._roots.get(version, {}), segments)
        if methods is None:
            raise ApiError(404, {"success": False, "error": "Not found", "code": "ERR_NOT_FOUND"})
        endpoint = methods.get(method)
        if endpoint is None:
            raise ApiError(405, {"success": False, "error": "Method not allowed"}, {"allow": ", ".join(methods)})
        names = endpoint.path.strip("/").split("/")
        return endpoint, {
            name[1:-1]: value for name, value in zip(names, segments, strict=True) if name.startswith("{")
        }

    def _walk(self, node: dict[Any, Any], segments: list[str]) -> dict[str, Endpoint] | None:
        if not segments:
            return node.get(None)
        for key in (segments[0], "{}"):
            if key in node and (found := self._walk(node[key], segments[1:])) is not None:
                return found
        return None
