"""The objects of RecordEngine: fields and types as data, under the names that mappings use.

Where the instance itself keeps a field is said by `contract.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.core.contracts import ObjectDescription

DOCUMENT, UPLOAD = "document", "upload"
EXPORT = "export"
"""Our name of the status in which a document is released to others."""

LEGAL_ENTITY = "legal_entity"
EXTRACTED, LINES = "extracted", "line_items"
EXTERNAL_REFS = "external_refs"

TOLD: Mapping[str, str] = {
    "id": "integer",
    "filename": "string",
    "original_filename": "string",
    "source": "string",
    "doc_type": "string",
    "doc_date": "string",
    "contact_id": "integer",
    "folder_id": "integer",
    "profile_id": "integer",
    "ai_summary": "string",
    "confidence_score": "integer",
    "confidence_label": "string",
    "confidence_reasoning": "string",
    "notes": "string",
    "version": "integer",
    "created_at": "datetime",
    "updated_at": "datetime",
    "exported_at": "datetime",
}
"""What a document tells of itself, read as it is; dates on it are text until a mapping reads them (`day`)."""

LINE: Mapping[str, str] = {"line_id": "string", "position": "integer"}
"""What we tell of a line; all else is as it was extracted, text or number."""

UPLOADED: Mapping[str, str] = {
    "file": "object",  # a reference to stored content
    "filename": "string",
    "media_type": "string",
    "contact_id": "integer",
    "folder_id": "integer",
    "profile_id": "integer",
    EXTERNAL_REFS: "object",
    "key": "string",
}

_PARTY: Mapping[str, str] = {LEGAL_ENTITY: "string", "name": "string", "number": "string"}

OBJECTS: Mapping[str, ObjectDescription] = {
    DOCUMENT: ObjectDescription(
        DOCUMENT,
        {
            **TOLD,
            "status": "string",
            "contact_name": "string",
            "folder_name": "string",
            "uncertain": "boolean",
            "doc_url": "string",
            LEGAL_ENTITY: "string",
            EXTRACTED: "object",  # name → value (text), confidence_percent, place
            LINES: "list",
            **{f"{LINES}[].{name}": word for name, word in LINE.items()},
            EXTERNAL_REFS: "object",  # system → record_type, record_id, company, url
        },
        open_prefixes=(f"{EXTRACTED}.", f"{LINES}[].", f"{EXTERNAL_REFS}."),
        writable=frozenset(),
    ),
    UPLOAD: ObjectDescription(UPLOAD, UPLOADED),
    # Whom a document names: never read as records of their own, so what others know of them is found by their name.
    "vendor": ObjectDescription("vendor", _PARTY, writable=frozenset()),
    "customer": ObjectDescription("customer", _PARTY, writable=frozenset()),
    "product": ObjectDescription("product", {"number": "string"}, writable=frozenset()),
    "ledger_account": ObjectDescription("ledger_account", {"number": "string"}, writable=frozenset()),
}
"""What the connector declares to mappings."""
