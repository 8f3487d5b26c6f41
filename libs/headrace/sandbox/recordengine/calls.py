"""One call of the API other than an upload: path, parameters and body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from headrace.sandbox.common.encoding import load
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.errors import ApiError, missing, not_a_number, unfit
from headrace.sandbox.recordengine.instance import Instance
from headrace.sandbox.recordengine.wire import Wire

_NUMBER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `places` are the contract's names of its path, `names` the parts of the path that vary."""

    instance: Instance
    method: str
    places: frozenset[str]
    names: Mapping[str, str]
    parameters: Mapping[str, str]
    raw_body: bytes
    note: RequestNote

    @property
    def wire(self) -> Wire:
        """Names that are in force."""
        return self.instance.settings.wire

    def json(self) -> Mapping[str, Any]:
        """Return the body, a JSON object.

        Raises:
            ApiError: 422.
        """
        try:
            body = load(self.raw_body)
        except ValueError as error:
            raise ApiError(422, [unfit("body", "__root__", f"Expecting JSON: {error}")]) from error
        if not isinstance(body, dict):
            raise ApiError(422, [unfit("body", "__root__", "value is not a valid dict")])
        return body

    def number(self, name: str) -> int | None:
        """Return a parameter as a whole number, None if it was not sent.

        Raises:
            ApiError: 422.
        """
        text = self.parameters.get(name)
        if text is not None and not _NUMBER.fullmatch(text):
            raise ApiError(422, [not_a_number("query", name)])
        return None if text is None else int(text)

    def _bounded(self, name: str, default: int, lowest: int, highest: int = 10**18) -> int:
        found = self.number(name)
        if found is not None and found < lowest:
            raise ApiError(422, [unfit("query", name, f"ensure this value is greater than or equal to {lowest}")])
        if found is not None and found > highest:
            raise ApiError(422, [unfit("query", name, f"ensure this value is less than or equal to {highest}")])
        return default if found is None else found

    def days(self, first: str, last: str) -> tuple[str, str]:
        """Return the first moment of a day and the one after the end of another, as records keep times.

        Raises:
            ApiError: 422.
        """
        begin, end = self._day(first, date.min), self._day(last, date(9998, 12, 31))
        return _beginning(begin), _beginning(end + timedelta(days=1))

    def _day(self, name: str, default: date) -> date:
        text = self.parameters.get(name)
        if text is None:
            return default
        try:
            return date.fromisoformat(text) if len(text) == 10 else date.fromisoformat("")
        except ValueError:
            raise ApiError(422, [unfit("query", name, "invalid date format")]) from None

    def record(self, object_: str, kind: str) -> Record:
        """Return the record that the path names.

        Raises:
            ApiError: 404, or 422 for an id that is no number.
        """
        if not _NUMBER.fullmatch(self.names["id"]):
            raise ApiError(422, [not_a_number("path", "id")])
        record = self.instance.get(object_, int(self.names["id"]))
        if record is None:
            raise ApiError(404, f"{kind} not found")
        return record

    def page(self, rows: Sequence[Any]) -> Any:
        """Return one page of rows by offset: what comes in between two calls moves rows to the next page.

        Raises:
            ApiError: 422.
        """
        lists = self.wire.lists
        first = int(lists["first_page"])
        number = self._bounded(lists["page_param"], first, first)
        size = self._bounded(lists["size_param"], lists["usual_size"], 1, lists["largest_size"])
        begin = (number - first) * size
        items = [*rows[begin : begin + size]]
        if self.instance.settings.bare_arrays:
            return items
        return {lists["items"]: items, lists["total"]: len(rows), lists["page"]: number, lists["size"]: size}

    def given(self, body: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields of a body by our names.

        Raises:
            ApiError: 422, a field that nobody knows.
        """
        ours = {theirs: name for name, theirs in fields.items()}
        unknown = [name for name in body if name not in ours]
        if unknown:
            raise ApiError(422, [unfit("body", name, "extra fields not permitted") for name in unknown])
        return {ours[name]: value for name, value in body.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no JSON: a file."""

    path: str
    filename: str


Handler = Callable[[Call], Any]
"""Returns the body of a 200, or an `Answer`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path by its name in the contract, and what answers it; without a method, the contract gives that too."""

    place: str
    method: str | None
    handler: Handler

    def takes(self, wire: Wire, method: str) -> bool:
        """Whether the endpoint is for this method."""
        return method == (self.method or wire.method(self.place))


def choose(
    endpoints: Sequence[Endpoint], wire: Wire, method: str, path: str
) -> tuple[Handler, frozenset[str], Mapping[str, str]]:
    """Return what answers a request, the names of its path, and the parts of it that vary.

    Raises:
        ApiError: 404 or 405.
    """
    found = [(each, names) for each in endpoints if (names := wire.match(each.place, path)) is not None]
    if not found:
        raise ApiError(404, "Not Found")
    taking = [(each, names) for each, names in found if each.takes(wire, method)]
    if not taking:
        raise ApiError(405, "Method Not Allowed")
    handler, names = taking[0][0].handler, taking[0][1]
    places = frozenset(each.place for each, _ in taking if each.handler == handler)
    return handler, places, names


def _beginning(day: date) -> str:
    return f"{datetime.combine(day, time()):%Y-%m-%dT%H:%M:%SZ}"


def required(body: Mapping[str, Any], *names: str) -> None:
    """Let a body pass that has all of these fields.

    Raises:
        ApiError: 422.
    """
    absent = [missing("body", name) for name in names if name not in body]
    if absent:
        raise ApiError(422, absent)
