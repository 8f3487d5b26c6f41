"""What is read of a file: by a script for its SHA-256 or name, or drawn from a seed and the file's hash."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.instance import SCRIPTS, Instance
from headrace.sandbox.recordengine.statuses import NEEDS_REVIEW

AUDIO = (".mp3", ".wav", ".m4a")
INVOICE_PROFILES = ("Default", "Standard Invoice", "Universal Invoices & Receipts", "Chinese Fapiao")
_DOC_TYPES: Mapping[str, str] = {
    "Meeting Notes": "Meeting Notes",
    "Chinese Business License": "Business License",
    "Extraction Profile Drafter": "Sample",
}
_VENDORS = ("Lakeside Plumbing LLC", "Harbor Electric", "Alpine Ski House", "Litware Supplies", "Northwind Freight")
_WORK = ("Pump repair", "Spare parts", "Freight", "Cleaning", "Consulting", "Office supplies", "Maintenance")
_FIRST_DAY = date(2026, 1, 5)


class Script(BaseModel):
    """What will be read of a file; fields under their usual names, values as the instance would write them."""

    model_config = ConfigDict(extra="forbid")

    sha256: str = ""
    filename: str = Field(default="", description="a name, or a pattern such as INV-*.pdf")
    doc_type: str | None = "Invoice"
    doc_date: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict, description="vendor, invoice_number, …")
    line_items: list[dict[str, Any]] = Field(default_factory=list)
    custom_fields: dict[str, Any] = Field(default_factory=dict, description="by label")
    ai_summary: str | None = None
    confidence_score: int | None = Field(default=91, ge=0, le=100)
    confidence_reasoning: str | None = None
    status: str = NEEDS_REVIEW
    fails: str = Field(default="", description="reason: the document ends as Exception, and nothing is read")
    seconds: float | None = Field(default=None, ge=0, description="how long it takes")
    audio_minutes: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_for_something(self) -> Script:
        if bool(self.sha256) == bool(self.filename):
            raise ValueError("a script is for a sha256 or for a filename")
        return self


class Extraction:
    """Finds or draws what is read."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def script(self, script: Script) -> Record:
        """Keep a script, inside a transaction; a later one for the same file takes its place."""
        key = script.sha256 or script.filename
        return self._instance.store.put(SCRIPTS, key, script.model_dump(), self._instance.now())

    def of(self, document: Mapping[str, Any]) -> Script | None:
        """Return the script of a document: for its content, or the latest whose name fits."""
        store = self._instance.store
        found = store.get(SCRIPTS, document["sha256"])
        if found is None:
            named = [each for each in store.list(SCRIPTS) if fnmatchcase(document["filename"], each.data["filename"])]
            found = named[-1] if named else None
        return None if found is None else Script.model_validate(dict(found.data))

    def read(self, document: Mapping[str, Any], profile: str) -> Mapping[str, Any]:
        """Return the fields that processing gives to a document."""
        script = self.of(document)
        if script is None:
            return self._drawn(document, profile)
        lines = {"line_items": script.line_items} if script.line_items else {}
        return {
            "doc_type": script.doc_type,
            "doc_date": script.doc_date or script.fields.get("invoice_date"),
            "extracted_fields": {**script.fields, **lines},
            "custom_fields": script.custom_fields,
            "ai_summary": script.ai_summary or f"{script.doc_type} {document['filename']}.",
            "confidence_score": script.confidence_score,
            "confidence_reasoning": script.confidence_reasoning,
        }

    def _drawn(self, document: Mapping[str, Any], profile: str) -> Mapping[str, Any]:
        # Repeatable, not secret.
        draw = random.Random(f"{self._instance.settings.seed} {document['sha256']}")  # noqa: S311
        suffix = PurePath(document["filename"]).suffix.lower()
        if suffix == ".txt" or suffix in AUDIO or profile not in INVOICE_PROFILES:
            kind = "Text" if suffix == ".txt" else "Transcript" if suffix in AUDIO else _DOC_TYPES.get(profile, "Other")
            return _without_fields(kind, document["filename"], draw)
        return _invoice(draw)


def _without_fields(kind: str, filename: str, draw: random.Random) -> Mapping[str, Any]:
    return {
        "doc_type": kind,
        "doc_date": None,
        "extracted_fields": {},
        "custom_fields": {},
        "ai_summary": f"{kind} {filename}.",
        "confidence_score": draw.randint(70, 95),
        "confidence_reasoning": "No fields are asked for.",
    }


def _invoice(draw: random.Random) -> Mapping[str, Any]:
    lines, subtotal = [], Decimal(0)
    for _ in range(draw.randint(1, 4)):
        quantity, price = draw.randint(1, 12), Decimal(draw.randint(500, 90_000)).scaleb(-2)
        lines.append(
            {
                "description": draw.choice(_WORK),
                "quantity": str(quantity),
                "unit_price": str(price),
                "amount": str(quantity * price),
            }
        )
        subtotal += quantity * price
    tax = (subtotal * Decimal(draw.choice(("0", "0.0669", "0.0725")))).quantize(Decimal("0.01"))
    day = _FIRST_DAY + timedelta(days=draw.randint(0, 300))
    vendor, number = draw.choice(_VENDORS), f"INV-{draw.randint(1000, 99_999)}"
    fields = {
        "vendor": vendor,
        "invoice_number": number,
        "invoice_date": day.isoformat(),
        "due_date": (day + timedelta(days=30)).isoformat(),
        "currency": "USD",
        "subtotal": str(subtotal),
        "tax": str(tax),
        "total_amount": str(subtotal + tax),
        "po_number": f"PO-{draw.randint(1, 999):06d}",
        "payment_terms": "Net 30",
        "line_items": lines,
    }
    return {
        "doc_type": "Invoice",
        "doc_date": day.isoformat(),
        "extracted_fields": fields,
        "custom_fields": {},
        "ai_summary": f"Invoice {number} of {vendor}, {subtotal + tax:,} USD.",
        "confidence_score": draw.randint(55, 99),
        "confidence_reasoning": "All fields found; lines add up to the total.",
    }
