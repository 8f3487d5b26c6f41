"""Financial dimensions as display values: segments in the order of the one active format of their type.

Rules of the vendor's page on financial dimension configuration for integrating applications: a missing trailing
segment is blank, a superfluous one is dropped, a delimiter inside a value is escaped with a backslash, and without an
active format nothing can be imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sandbox.common.store import Record, Store

MAIN_ACCOUNT = "MainAccount"
_TYPES = {"default": "DataEntityDefaultDimensionFormat", "ledger": "DataEntityLedgerDimensionFormat"}


class DimensionRefused(Exception):
    """A display value that cannot be resolved; the text is an infolog entry without its level."""


def delimiter(store: Store) -> str:
    """Return the one segment delimiter of the system."""
    records = store.list("DimensionParameters")
    return str(records[0].data.get("DimensionSegmentDelimiter", "-")) if records else "-"


def active_format(store: Store, kind: str) -> Sequence[str] | None:
    """Return the dimension names of the active format of a type, in order, or None when none is active."""
    for record in store.list("DimensionIntegrationFormats"):
        data = record.data
        if data.get("DimensionFormatType", "DataEntityDefaultDimensionFormat") != _TYPES[kind]:
            continue
        if data.get("IsActive") == "Yes":
            return str(data.get("FinancialDimensionFormat", "")).split(delimiter(store))
    return None


def split(value: str, by: str) -> list[str]:
    r"""Return the segments of a display value; a backslash before the delimiter makes it part of the segment."""
    segments, current, position = [], "", 0
    while position < len(value):
        if value[position] == "\\" and value[position + 1 : position + 2] == by:
            current += by
            position += 2
        elif value[position] == by:
            segments.append(current)
            current = ""
            position += 1
        else:
            current += value[position]
            position += 1
    return [*segments, current]


def join(segments: Sequence[str], by: str) -> str:
    """Return the display value of segments, delimiters inside them escaped."""
    return by.join(segment.replace(by, f"\\{by}") for segment in segments)


def resolve(store: Store, kind: str, value: str, company: str) -> str:
    """Return a display value in its full form.

    Raises:
        DimensionRefused: no active format, a value unknown for its dimension, or a value that is suspended.
    """
    names = active_format(store, kind)
    if names is None:
        raise DimensionRefused(f"No active financial dimension format of type '{_TYPES[kind]}' exists.")
    by = delimiter(store)
    segments = split(value, by)[: len(names)]
    segments += [""] * (len(names) - len(segments))
    for name, segment in zip(names, segments, strict=True):
        if segment and name == MAIN_ACCOUNT:
            _check_account(store, segment)
        elif segment:
            _check_value(store, name, segment, company)
    return join(segments, by)


def _check_value(store: Store, name: str, segment: str, company: str) -> None:
    for record in store.find("FinancialDimensionValues", "DimensionValue", segment):
        owner = str(record.data.get("LegalEntityId", "")).lower()
        if record.data.get("FinancialDimension") == name and owner in ("", company):
            if _yes(record, "IsSuspended"):
                raise DimensionRefused(f"The value '{segment}' of dimension '{name}' is suspended.")
            return
    raise DimensionRefused(f"The value '{segment}' is not valid for the dimension '{name}'.")


def _check_account(store: Store, segment: str) -> None:
    found = store.find("MainAccounts", "MainAccountId", segment)
    if not found:
        raise DimensionRefused(f"The main account '{segment}' does not exist.")
    if _yes(found[0], "IsSuspended"):
        raise DimensionRefused(f"The main account '{segment}' is suspended.")
    if _yes(found[0], "DoNotAllowManualEntry"):
        raise DimensionRefused(f"Manual entry is not allowed for the main account '{segment}'.")


def _yes(record: Record, name: str) -> bool:
    return record.data.get(name) == "Yes"
