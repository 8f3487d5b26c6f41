"""One call of the API, after the edge: path, parameters and body under their usual names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from headrace.sandbox.avidxchange.edge import Edge
from headrace.sandbox.avidxchange.errors import ApiError
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.common.encoding import load
from headrace.sandbox.common.requests import RequestNote


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its caller's company; `names` are the parts of the path that vary."""

    suite: Suite
    edge: Edge
    company: str
    method: str
    path: str
    names: Mapping[str, str]
    parameters: Mapping[str, str]
    raw_body: bytes
    note: RequestNote
    origin: str
    now: datetime

    def json(self) -> Mapping[str, Any]:
        """Return the body, a JSON object.

        Raises:
            ApiError: 400.
        """
        try:
            body = load(self.raw_body)
            json.dumps(body, ensure_ascii=False, default=str).encode()  # half of a pair of surrogates is no text
        except ValueError as error:
            raise ApiError(400, f"The request body is not valid JSON: {error}") from error
        if not isinstance(body, dict):
            raise ApiError(400, "The request body must be a JSON object")
        found: Mapping[str, Any] = self.edge.body_in(body, self.path)
        return found

    def number(self, name: str, default: int | None = None) -> int:
        """Return a parameter as a whole number above zero.

        Raises:
            ApiError: 400, it is none, or is missing and has no default.
        """
        text = self.parameters.get(name, "" if default is None else str(default))
        if not re.fullmatch(r"0*[1-9]\d{0,17}", text):
            raise ApiError(400, f"{name} must be a positive whole number" if text else f"{name} is required")
        return int(text)

    def words(self, name: str) -> list[str] | None:
        """Return the values of a parameter with commas, None if it was not sent."""
        text = self.parameters.get(name)
        return None if text is None else [word.strip() for word in text.split(",") if word.strip()]

    def numbers(self, name: str) -> list[int] | None:
        """Return whole numbers of a parameter with commas, None if it was not sent.

        Raises:
            ApiError: 400.
        """
        words = self.words(name)
        if words and not all(re.fullmatch(r"\d{1,18}", word) for word in words):
            raise ApiError(400, f"{name} must be whole numbers with commas between them")
        return None if words is None else [int(word) for word in words]

    def window(self, first: str, last: str, days: int) -> tuple[str, str] | None:
        """Return the beginnings of the first day and of the day after the last, as records keep times.

        Args:
            first: parameter with the first day, UTC; None is returned if neither it nor `last` was sent.
            last: parameter with the last day, which is inside; today, if it was not sent.
            days: how many days the window may have.

        Raises:
            ApiError: 400.
        """
        if first not in self.parameters and last not in self.parameters:
            return None
        begin = self._day(first)
        end = self._day(last) if last in self.parameters else self.now.date()
        if end < begin:
            raise ApiError(400, f"{last} is before {first}")
        if (end - begin).days + 1 > days:
            raise ApiError(400, f"The range of {first} and {last} exceeds {days} days")
        # Kept times begin with their day, so "~" after the last day is behind all of its times.
        return begin.isoformat(), f"{end.isoformat()}~"

    def _day(self, name: str) -> date:
        text = self.parameters.get(name, "")
        if not text:
            raise ApiError(400, f"{name} is required")
        try:
            if len(text) != 10:
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise ApiError(400, f"{name} must be a date YYYY-MM-DD") from None

    def accounting_system(self, value: object = None) -> int:
        """Return the accounting system that a call names, by `value` or by its parameter.

        Raises:
            ApiError: 400, none is named; 403, it belongs to another company; 404, there is none.
        """
        found = self.number("accountingSystemId") if value is None else value
        if not isinstance(found, int) or isinstance(found, bool):
            raise ApiError(400, "AccountingSystemId must be a whole number")
        if found in self.suite.system_ids(self.company):
            return found
        if any(each.data["ID"] == found for each in self.suite.systems()):
            raise ApiError(403, f"Accounting system {found} belongs to another company")
        raise ApiError(404, f"Accounting system {found} does not exist")


Handler = Callable[[Call], Any]
"""Returns a Reply, or the body of a 200."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path such as `/v1/invoices/batches/{guid}`, and what answers it."""

    method: str
    path: str
    handler: Handler

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return the parts of a path that vary, None if it is another path."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()


def choose(endpoints: Sequence[Endpoint], method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
    """Return the endpoint of a request; the first in order counts.

    Raises:
        ApiError: 404 or 405.
    """
    found = [(each, names) for each in endpoints if (names := each.match(path)) is not None]
    if not found:
        raise ApiError(404, "The resource does not exist")
    for each, names in found:
        if each.method == method:
            return each, names
    raise ApiError(405, f"{method} is not supported here")
