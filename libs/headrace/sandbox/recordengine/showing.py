"""How documents look: read by a call, in a list, and in webhooks of both generations."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from headrace.sandbox.common.encoding import dump_text
from headrace.sandbox.recordengine.instance import CONTACTS, FOLDERS, Instance
from headrace.sandbox.recordengine.statuses import UNREAD
from headrace.sandbox.recordengine.wire import put

Body = Literal["document", "v1", "v2"]
OPTIONAL = ("updated_at", "exported_at", "version")
_AMOUNTS = ("subtotal", "tax", "total_amount")
_LINE_AMOUNTS = ("quantity", "unit_price", "amount")
_CUSTOM = ("po_number", "payment_terms")
"""Fields that profiles add, which newer webhooks show by their labels."""
_PLACES = {"extracted": 0, "top": 1, "custom": 2}


class Showing:
    """Makes bodies of documents."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def row(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document as lists show it."""
        return self._instance.settings.wire.shaped("row", self._values(document))

    def uploaded(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to an upload."""
        return self._instance.settings.wire.shaped("upload", self._values(document))

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document as it is read by its id."""
        return self._whole("document", document)

    def webhook(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document as webhooks of the generation in force show it, without an envelope."""
        return self._whole(self._instance.settings.webhook_generation, document)

    def _whole(self, body: Body, document: Mapping[str, Any]) -> dict[str, Any]:
        settings = self._instance.settings
        out = settings.wire.shaped(body, self._values(document))
        if body != "v2":
            put(out, settings.wire.place_of(body, 0, "")[:-1] or ["extracted_fields"], {})
        if body != "v1":
            put(out, settings.wire.place_of(body, 2, "")[:-1] or ["custom_fields"], {})
        if document["status"] not in UNREAD:
            for label, value in document["custom_fields"].items():
                put(out, [*settings.wire.place_of(body, 2, "")[:-1], label], value)
            for name, value in document["extracted_fields"].items():
                put(out, settings.wire.place_of(body, self._place(body, name), name), self._formed(body, name, value))
        return out

    def _place(self, body: Body, name: str) -> int:
        settings = self._instance.settings
        placement = getattr(settings, f"{body}_placement")
        if placement == "mixed":
            placement = "custom" if name in _CUSTOM else "top"
        return _PLACES[placement]

    def _formed(self, body: Body, name: str, value: Any) -> Any:
        form = self._instance.settings.amounts
        if name == "line_items":
            names = self._instance.settings.wire.extraction["lines"]
            kind = ("number" if body == "v2" else "text") if form == "published" else form
            return [
                {
                    names.get(field, field): _amount(held, kind) if field in _LINE_AMOUNTS else held
                    for field, held in line.items()
                }
                for line in value
            ]
        return _amount(value, "text" if form == "published" else form) if name in _AMOUNTS else value

    def _values(self, document: Mapping[str, Any]) -> dict[str, Any]:
        instance, settings = self._instance, self._instance.settings
        contact = instance.get(CONTACTS, document["contact_id"])
        folder = instance.get(FOLDERS, document["folder_id"])
        values = {
            **document,
            "status": settings.wire.word(document["status"]),
            "contact_name": contact.data["name"] if contact else None,
            "folder_name": folder.data["name"] if folder else None,
            "confidence_label": _label(document["confidence_score"], settings.labels),
            "external_refs": _refs(document["external_refs"], settings.refs_form),
            "doc_url": instance.doc_url(document["id"]),
        }
        return values if settings.optional_fields else {name: values[name] for name in values.keys() - {*OPTIONAL}}


def _label(score: int | None, labels: Mapping[str, int]) -> str | None:
    if score is None:
        return None
    reached = [(lowest, label) for label, lowest in labels.items() if score >= lowest]
    return max(reached)[1] if reached else "Poor"


def _refs(refs: Any, form: str) -> Any:
    forms = {"object": refs, "text": dump_text(refs), "null": None, "empty": {}}
    return forms[form]


def _amount(value: Any, form: str) -> Any:
    """Return an amount in a form; what is no plain number stays as it was read."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return value
    if form == "number":
        return number
    if form == "text":
        return str(value)
    return f"{number:,}".translate(str.maketrans(",.", ".,"))
