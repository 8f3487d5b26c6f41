"""From what the instance answers to records: our names, and what was extracted as text that mappings interpret.

A value that cannot be read is no reason to hold up a document: it stays text, and rejects the record only where a
mapping wants it as an amount or a date. Words that mean "nothing was found" are no values at all.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.contract import Row, named
from headrace.connectors.recordengine.objects import (
    DOCUMENT,
    EXTERNAL_REFS,
    EXTRACTED,
    LEGAL_ENTITY,
    LINES,
    TOLD,
)
from headrace.core.contracts import Record
from headrace.core.event import Ref
from headrace.platform.contract_files import ABSENT
from headrace.platform.json_text import dump_json

LISTED = ("id", "filename", "contact_id", "folder_id", "created_at", "updated_at")
"""What a row of a list tells."""
ERP = "dynamics_fo"
"""Name in external_refs of the system that keeps companies."""

_COMPANY = re.compile(r"[A-Za-z0-9_]{1,4}")
_READERS = {"string": values.text, "integer": values.whole, "datetime": values.moment}
_log = logging.getLogger(__name__)


class Reader:
    """Reads rows by the contract of one connection."""

    def __init__(self, config: RecordengineConfig) -> None:
        self._config = config
        self._rules = config.rules
        self._told: set[str] = set()

    # --- records ---

    def document(self, row: Row, names: Mapping[str, str | None]) -> Record:
        """Return a document that was read; `names` are those of its contact and folder, as far as they are known."""
        data = self._fields(DOCUMENT, TOLD, row)
        data["status"] = self.status(DOCUMENT, row)
        data |= names
        data["uncertain"] = self._is_uncertain(data)
        url = self._own_address(self._rules.value(DOCUMENT, "doc_url", row))
        if url is not None:
            data["doc_url"] = url
        data[EXTRACTED] = self._extracted(row)
        lines = self._rules.extracted("document", LINES, row)
        if lines is not None:
            data[LINES] = self._lines(lines.value)
        refs = external_refs(self._rules.value(DOCUMENT, EXTERNAL_REFS, row))
        data[EXTERNAL_REFS] = {
            system: found
            for system, ref in refs.items()
            if system != self._rules.refs.own_key and (found := _reference(ref)) is not None
        }
        data[LEGAL_ENTITY] = self._legal_entity(data)
        return self._record(data, complete=True)

    def listed(self, row: Row) -> Record | None:
        """Return what a row of a list tells of a document, which is not all; None if it has no id."""
        data = self._fields("row", {name: TOLD[name] for name in LISTED}, row)
        if data.get("id") is None:
            return None
        return self._record({**data, "status": self.status("row", row)}, complete=False)

    def status(self, kind: str, row: Row) -> str | None:
        """Return our name of a row's status; one that the contract does not know stays as it is, and is told once."""
        word = values.text(self._rules.value(kind, "status", row))
        if word is None:
            return None
        found = self._rules.status.name_of(word)
        if (found is None or not found[1]) and word not in self._told:
            self._told.add(word)
            _log.warning("RecordEngine uses a status that the contract does not have so", extra={"word": word})
        return word if found is None else found[0]

    # --- parts ---

    @staticmethod
    def _record(data: dict[str, Any], *, complete: bool) -> Record:
        # exported_at orders nothing: a document that was taken back has none any more.
        changed = data.get("updated_at") or data.get("created_at")
        version = values.version_of(data.get("updated_at"))
        return Record(Ref(DOCUMENT, str(data["id"])), data, version=version, modified_at=changed, complete=complete)

    def _fields(self, kind: str, fields: Mapping[str, str], row: Row) -> dict[str, Any]:
        """Return fields of a row under our names; one that the row does not show at all is left out."""
        return {
            name: _READERS[word](self._rules.value(kind, name, row))
            for name, word in fields.items()
            if self._rules.tells(kind, name, row)
        }

    def _is_uncertain(self, data: Mapping[str, Any]) -> bool:
        score = data.get("confidence_score")
        return (0 if score is None else score) < self._config.confidence.wanted(data.get("doc_type"))

    def _own_address(self, value: Any) -> str | None:
        """Return an address of the instance itself; another one is nothing that we would show to people."""
        url = values.text(value)
        try:
            parts = urlsplit(url or "")
            is_own = parts.scheme in ("https", "http") and (parts.hostname or "").lower() == self._config.host
        except ValueError:
            return None
        return url if is_own and not parts.username else None

    def _legal_entity(self, data: Mapping[str, Any]) -> str | None:
        company = (data[EXTERNAL_REFS].get(ERP) or {}).get("company") or ""
        if _COMPANY.fullmatch(company):
            return str(company).lower()
        known = self._config.legal_entities
        by_contact = known.contacts.get(data.get("contact_id") or 0, known.default)
        return known.folders.get(data.get("folder_id") or 0, by_contact)

    # --- what was extracted ---

    def _extracted(self, row: Row) -> dict[str, dict[str, Any]]:
        """Return what was extracted by name: the contract's names first, then all others by their own."""
        extraction = self._rules.extraction
        found: dict[str, dict[str, Any]] = {}
        taken: set[str] = set()
        for name in extraction.names:
            if name == LINES:
                continue
            value = self._rules.extracted("document", name, row)
            if value is not None:
                found[name] = _value(value.value, value.place)
            labels = (extraction.names[name], extraction.labels.get(name, name))
            taken |= {values.snake(each) for each in (name, *labels)}
        for place, theirs, value in self._others(row):
            name = values.snake(theirs)
            if name and name not in taken and name not in found and name != LINES:
                found[name] = _value(value, f"{place}.{theirs}")
        return found

    def _others(self, row: Row) -> Iterator[tuple[str, str, Any]]:
        """Yield place, name and value of all that stands where extracted fields stand, beside other fields."""
        for place in self._rules.extraction.places.document:
            outer, dot, _ = place.rpartition(".")
            if not dot:
                continue
            parts = _at(row, outer)
            for theirs, value in parts.items() if isinstance(parts, Mapping) else ():
                if not self._rules.is_no_value(value):
                    yield outer, str(theirs), value

    def _lines(self, listed: Any) -> list[dict[str, Any]] | str:
        """Return lines; what is no list of them stays text, so that who wants lines can tell what is wrong."""
        if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
            return _text(listed)
        ours = {theirs.casefold(): name for name, theirs in self._rules.extraction.lines.items()}
        found = []
        for position, row in enumerate(listed, 1):
            line: dict[str, Any] = {"line_id": str(position), "position": position}
            for theirs, value in row.items():
                name = ours.get(str(theirs).casefold()) or values.snake(str(theirs))
                if name and name not in line and not self._rules.is_no_value(value):
                    line[name] = value if isinstance(value, Decimal | int | str) else _text(value)
            found.append(line)
        return found


def external_refs(value: Any) -> dict[str, Any]:
    """Return the records that a document belongs to, by system; text that holds JSON is taken for what it holds."""
    refs = _undone(value)
    return {str(system): _undone(ref) for system, ref in refs.items()} if isinstance(refs, Mapping) else {}


def _undone(value: Any) -> Any:
    """Return what JSON in a text says; it was seen wrapped twice."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def _reference(ref: Any) -> dict[str, Any] | None:
    if not isinstance(ref, Mapping):
        return None
    names = {"record_type": "record_type", "record_id": "record_id", "company": "company", "url": "record_url"}
    found = {ours: values.text(ref.get(theirs)) for ours, theirs in names.items()}
    return found if found["record_id"] else None


def _value(value: Any, place: str) -> dict[str, Any]:
    # The instance tells how sure it is of the document as a whole only.
    return {"value": _text(value), "confidence_percent": None, "place": place}


def _text(value: Any) -> str:
    """Return anything as text: lists and objects as JSON."""
    if isinstance(value, bool | list | Mapping):
        return dump_json(value).decode()
    return values.plain(value)


def _at(row: Any, place: str) -> Any:
    for name in place.split("."):
        row = named(row, name)
    return None if row is ABSENT else row
