"""Errors in the shapes of FastAPI, which the vendor's pages name: `detail` is a text or a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A refused request; `detail` is the answer's."""

    def __init__(self, status: int, detail: str | list[Mapping[str, Any]], headers: Mapping[str, str] | None = None):
        super().__init__(str(detail))
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def body(self) -> Mapping[str, Any]:
        """Return the answer's body."""
        return {"detail": self.detail}


def missing(place: str, name: str) -> Mapping[str, Any]:
    """Return one item of a 422: a part that is not there."""
    return {"loc": [place, name], "msg": "field required", "type": "value_error.missing"}


def not_a_number(place: str, name: str) -> Mapping[str, Any]:
    """Return one item of a 422: a text in the place of a whole number."""
    return {"loc": [place, name], "msg": "value is not a valid integer", "type": "type_error.integer"}


def unfit(place: str, name: str, why: str) -> Mapping[str, Any]:
    """Return one item of a 422: a value that does not fit."""
    return {"loc": [place, name], "msg": why, "type": "value_error"}
