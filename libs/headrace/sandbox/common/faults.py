"""Fault rules: what goes wrong, for which request, how often. A test sets them through /_sandbox/faults."""

from __future__ import annotations

import re
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

Kind = Literal["delay", "status", "drop_reply", "drop_request", "drop_mid_body", "hang"]


class Match(BaseModel):
    """Which requests a rule meets; what is left out matches all."""

    model_config = ConfigDict(extra="forbid")

    method: str | None = None
    path: str | None = Field(default=None, description="regular expression, searched in path and query")
    body: str | None = Field(
        default=None, description="regular expression, searched in the request body, not in forms with files"
    )

    @field_validator("path", "body")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def meets(self, method: str, target: str, body: bytes) -> bool:
        """Whether the request is one of those meant."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path is None or re.search(self.path, target) is not None)
            and (self.body is None or re.search(self.body, body.decode("utf-8", "replace")) is not None)
        )


class FaultRule(BaseModel):
    """One rule.

    `delay` waits `seconds` and goes on; `status` answers without handling; `drop_request` closes the connection
    without handling; `drop_reply` handles, commits, and closes without a byte of answer; `drop_mid_body` closes after
    half of the answer's body; `hang` handles, commits and stays silent until the client gives up.
    """

    model_config = ConfigDict(extra="forbid")

    match: Match = Match()
    kind: Kind
    skip: int = Field(default=0, ge=0, description="matching requests left alone first")
    times: int | None = Field(default=1, ge=1, description="requests hit before the rule ends; null for ever")
    seconds: float = Field(default=0.0, ge=0)
    status: int = Field(default=503, ge=200, le=599)
    body: Any = ""
    handle: bool = Field(default=False, description="status only: handle and commit, then answer this status anyway")
    headers: dict[str, str] = {}

    _id: str = PrivateAttr(default_factory=lambda: uuid.uuid4().hex)
    _seen: int = PrivateAttr(default=0)
    _hits: int = PrivateAttr(default=0)

    @property
    def id(self) -> str:
        """Name of the rule in the control API."""
        return self._id

    def take(self, method: str, target: str, body: bytes) -> bool:
        """Count the request and say whether the rule hits it."""
        if (self.times is not None and self._hits >= self.times) or not self.match.meets(method, target, body):
            return False
        self._seen += 1
        if self._seen <= self.skip:
            return False
        self._hits += 1
        return True

    def describe(self) -> dict[str, Any]:
        """Return the rule with its id and its hits."""
        return {"id": self._id, "hits": self._hits, **self.model_dump()}


class FaultBook:
    """The rules in force, in order."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(self, rule: FaultRule) -> str:
        """Add a rule at the end and return its id."""
        self._rules.append(rule)
        return rule.id

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Return all rules with their hits."""
        return [rule.describe() for rule in self._rules]

    def decide(self, method: str, target: str, body: bytes) -> tuple[float, FaultRule | None]:
        """Return how long to wait, and the first rule other than a delay that hits the request."""
        wait = 0.0
        for rule in self._rules:
            if not rule.take(method, target, body):
                continue
            if rule.kind != "delay":
                return wait, rule
            wait += rule.seconds
        return wait, None
