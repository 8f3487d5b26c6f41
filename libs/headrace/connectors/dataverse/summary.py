"""The object `summary`: a note or a task that tells in words what a document says. Which one, the configuration says.

Its text was written by a machine that read somebody's document: it is shown, never interpreted, so markup is escaped
and control characters go. Text and subject are cut to what their columns hold, with a sign that they were cut; nothing
else ever is.
`target_id` says which of both it is ("annotation=GUID"), so that another configuration later does not lose track.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of, lookup_of
from headrace.connectors.dataverse.objects import NOTE, SUMMARY, SUMMARY_FIELDS, TASK, Object
from headrace.connectors.dataverse.tables import Tables
from headrace.connectors.dataverse.values import units
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord
from headrace.core.refs import encode_key

CUT = " […]"
_TEXTS = ("subject", "text")
ALLOWED = ("account", "contact", "invoice", "lead", "opportunity")
"""Tables whose records a document may name."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Form:
    """A table that summaries are written to, and its columns for their fields."""

    kind: Object
    subject: str
    text: str
    regarding: str

    @property
    def columns(self) -> Mapping[str, str]:
        """Fields of a summary and the columns that hold them."""
        names = {"subject": self.subject, "text": self.text, "regarding": self.regarding}
        return {"id": self.kind.key, **names}


FORMS: Mapping[str, Form] = {
    "note": Form(NOTE, "subject", "notetext", "objectid"),
    "task": Form(TASK, "subject", "description", "regardingobjectid"),
}


class Summaries:
    """Turns operations on summaries into those on notes or tasks, and what these answer back."""

    def __init__(self, config: DataverseConfig, tables: Tables) -> None:
        self._configured = FORMS[config.summaries]
        self._tables = tables

    def check(self, operation: Operation) -> None:
        """Check what needs no call.

        Raises:
            RejectRecord: no GUID, no record that it is about, a subject that is too long, or an unknown field.
        """
        what = f"{SUMMARY} {operation.target_id}".strip()
        if operation.target_id:
            self._form(operation)
        if operation.action is Action.DELETE:
            return
        unknown = sorted(set(operation.fields) - set(SUMMARY_FIELDS))
        if unknown:
            raise RejectRecord(
                "field cannot be written",
                f"{what}: it has no {', '.join(unknown)}; there are {', '.join(SUMMARY_FIELDS)}.",
            )
        creates = operation.action is Action.CREATE
        if creates and not guid_of(operation.fields.get("id")):
            raise RejectRecord("not a GUID", f"{what}: id is {operation.fields.get('id')!r}; make it by `own_id`.")
        if (creates or "regarding" in operation.fields) and not lookup_of(operation.fields.get("regarding"))[0]:
            given = operation.fields.get("regarding")
            raise RejectRecord(
                "not a record", f'{what}: regarding is {given!r}; it takes "table=GUID", by `regarding`.'
            )
        subject = operation.fields.get("subject")
        if (creates or "subject" in operation.fields) and not subject:
            raise RejectRecord("required field is empty", f"{what}: subject is empty; give it one in the mapping.")

    def candidates(self, operation: Operation) -> list[Operation]:
        """Return the operations by which a summary is looked for: what its id says, else both, the configured first."""
        if operation.target_id:
            return [self._located(operation, self._form(operation))]
        forms = [self._configured, *(each for each in FORMS.values() if each is not self._configured)]
        return [self._located(operation, form) for form in forms]

    async def meant(self, operation: Operation) -> Operation:
        """Return the operation on the note or task; errors are those of metadata reads."""
        form = self._form(operation)
        fields: dict[str, Any] = {}
        for name, value in operation.fields.items():
            column = form.columns[name]
            if name in _TEXTS:
                fields[column] = await self._shown(form, name, value)
            elif name != "id" or operation.action is Action.CREATE:
                fields[column] = value
        return replace(self._located(operation, form), fields=fields)

    async def told(self, operation: Operation, meant: Operation, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a row holds in the fields of a summary: texts that are ours, cut or not, as they were given."""
        form = next(each for each in FORMS.values() if each.kind.name == meant.object)
        regarding = record.get(form.regarding)
        told = {
            "id": record.get(form.kind.key),
            "subject": record.get(form.subject),
            "text": record.get(form.text),
            "regarding": None if regarding is None else encode_key({regarding["type"]: regarding["id"]}),
        }
        for name in _TEXTS:
            given = operation.fields.get(name)
            if given is not None and told[name] == await self._shown(form, name, given):
                told[name] = given
        return told

    @staticmethod
    def target_id(meant: Operation, id_: str) -> str:
        """Return the id of a summary: which table it is in, and its GUID."""
        return id_ if "=" in id_ else encode_key({meant.object: id_})

    def _form(self, operation: Operation) -> Form:
        if not operation.target_id:
            return self._configured
        table = lookup_of(operation.target_id)[0]
        form = next((each for each in FORMS.values() if each.kind.name == table), None)
        if form is None:
            raise RejectRecord(
                "not a summary", f'{SUMMARY} "{operation.target_id}" is neither annotation=GUID nor task=GUID.'
            )
        return form

    @staticmethod
    def _located(operation: Operation, form: Form) -> Operation:
        id_ = lookup_of(operation.target_id)[1] if operation.target_id else ""
        wanted = operation.key.get("id") or operation.fields.get("id")
        key = {} if id_ else {form.kind.key: guid_of(wanted)}
        return replace(operation, object=form.kind.name, fields={}, key=key, target_id=id_)

    async def _shown(self, form: Form, name: str, text: Any) -> str | None:
        if text is None:
            return None
        wanted = form.columns[name]
        column = (await self._tables.of(form.kind.name)).columns.get(wanted)
        size = column.size if column is not None and column.size else form.kind.fields[wanted].size
        # A subject is plain text wherever it shows; the text may be shown as HTML.
        return shown(str(text), size or 0, escape=name == "text")


def shown(text: str, size: int, *, escape: bool = True) -> str:
    """Return a text that nobody vouches for as it is written: without control characters, cut to so many characters.

    Args:
        text: as it came.
        size: characters that the column holds, in UTF-16 code units; an escape is never cut through.
        escape: whether markup in it is escaped.
    """
    plain = _CONTROL.sub("", text)
    escaped = [html.escape(each, quote=False) for each in plain] if escape else list(plain)
    whole = "".join(escaped)
    if units(whole) <= size:
        return whole
    left, kept = size - units(CUT), []
    for each in escaped:
        left -= units(each)
        if left < 0:
            break
        kept.append(each)
    return "".join(kept) + CUT
