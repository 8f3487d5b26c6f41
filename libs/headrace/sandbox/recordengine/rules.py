"""The rules engine: at most five conditions joined by "and", then a walk of statuses with nobody looking.

Source: user guide, "Rules engine".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.documents import Documents
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.instance import DOCUMENTS, RULES, Instance, system_note
from headrace.sandbox.recordengine.statuses import EXCEPTION, NAMES, UNREAD
from headrace.sandbox.recordengine.webhooks import Webhooks

MOST_CONDITIONS = 5


class Condition(BaseModel):
    """One condition on a field of a document, or on one that was read of it."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(description="confidence_score, status, doc_type, total_amount, a label, …")
    is_: Literal["equal", "not_equal", "at_least", "at_most", "containing"] = Field(default="equal", alias="is")
    value: str | int | Decimal

    def holds(self, document: Mapping[str, Any]) -> bool:
        """Say whether a document meets the condition; a field that is not there meets none but `not_equal`."""
        held = _value(document, self.field)
        if self.is_ in ("at_least", "at_most"):
            try:
                left, right = Decimal(str(held)), Decimal(str(self.value))
            except InvalidOperation:
                return False
            return left >= right if self.is_ == "at_least" else left <= right
        if self.is_ == "containing":
            return held is not None and str(self.value).casefold() in str(held).casefold()
        return (str(held) == str(self.value)) is (self.is_ == "equal")


class RuleBody(BaseModel):
    """A rule, as a person writes it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    active: bool = True
    heartbeat: bool = Field(default=False, description="runs again and again, not only after processing")
    conditions: list[Condition] = Field(default_factory=list, max_length=MOST_CONDITIONS)
    statuses: list[str] = Field(min_length=1, description="in this order, such as Approved and Export")
    reason: str = Field(default="", description="of Exception")

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, words: list[str]) -> list[str]:
        unknown = [word for word in words if word not in NAMES or word in UNREAD]
        if unknown:
            raise ValueError(f"no rule sets {', '.join(unknown)}; known are {', '.join(NAMES)}")
        return words


class Rules:
    """Keeps rules and runs them; every method needs an open transaction."""

    def __init__(self, instance: Instance, documents: Documents, webhooks: Webhooks) -> None:
        self._instance = instance
        self._documents = documents
        self._webhooks = webhooks

    def add(self, body: RuleBody, note: RequestNote) -> Record:
        """Add a rule at the end."""
        data = {"id": self._instance.next_id(RULES), **body.model_dump(by_alias=True)}
        return self._instance.insert(RULES, data, note)

    def run(self, record: Record) -> Record:
        """Run all active rules on a document that was just read."""
        for rule in self._instance.store.list(RULES):
            record = self._apply(rule, record)
        return record

    def beat(self) -> int:
        """Run the rules with a heartbeat on every document that was read; return how many documents they met."""
        rules = [each for each in self._instance.store.list(RULES) if each.data["heartbeat"]]
        met = 0
        for record in self._instance.store.list(DOCUMENTS) if rules else ():
            if record.data["status"] in UNREAD:
                continue
            changed = record
            for rule in rules:
                changed = self._apply(rule, changed)
            met += changed is not record
        return met

    def _apply(self, rule: Record, record: Record) -> Record:
        body = RuleBody.model_validate({name: value for name, value in rule.data.items() if name != "id"})
        done = record.data["status"] == body.statuses[-1]
        if not body.active or done or not all(each.holds(record.data) for each in body.conditions):
            return record
        error: str | None = None
        try:
            for status in body.statuses:
                record = self._step(rule, body, record, status)
        except ApiError as refused:
            error = str(refused.detail)
        self._instance.audit("rule", rule_id=rule.data["id"], document_id=record.data["id"], error=error)
        self._webhooks.rule(rule, record.data["id"], error)
        return record

    def _step(self, rule: Record, body: RuleBody, record: Record, status: str) -> Record:
        note = system_note(f"rule {rule.data['id']} {body.name}")
        if status == EXCEPTION:
            return self._documents.fail(record, body.reason or f"Rule {body.name}", note)
        return self._documents.request(record, status, note)


def _value(document: Mapping[str, Any], name: str) -> Any:
    for held in (document, document["extracted_fields"], document["custom_fields"]):
        if name in held:
            return held[name]
    return None
