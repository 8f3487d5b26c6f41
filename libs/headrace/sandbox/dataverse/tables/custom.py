"""Columns that users of this product add: what was read from a document that lies with the record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from headrace.sandbox.dataverse.tables.columns import dates, money, text, whole
from headrace.sandbox.dataverse.tables.model import Column

_PERCENT = {"minimum": Decimal(0), "maximum": Decimal(100)}
DOCUMENT: tuple[Column, ...] = tuple(
    replace(column, custom=True)
    for column in (
        text("new_recordengineurl", 200, format="Url", label="Record Engine URL", schema="new_RecordEngineUrl"),
        *money("new_documenttotal", label="Document Total", schema="new_DocumentTotal"),
        *(replace(each, label="Document Date", schema="new_DocumentDate") for each in dates("new_documentdate")),
        text("new_documentnumber", 100, label="Document Number", schema="new_DocumentNumber"),
        text("new_documentvendor", 160, label="Document Vendor", schema="new_DocumentVendor"),
        whole("new_documentconfidence", label="Document Confidence", schema="new_DocumentConfidence", **_PERCENT),
    )
)
