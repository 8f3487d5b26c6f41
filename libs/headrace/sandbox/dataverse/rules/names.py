"""Names that are put together."""

from __future__ import annotations

from headrace.sandbox.dataverse.contexts import Draft
from headrace.sandbox.dataverse.rules.work import Work


def full_name(work: Work, draft: Draft, key: str) -> None:
    """Put first and last name together."""
    parts = [draft.values.get(name) for name in ("firstname", "lastname")]
    draft.values["fullname"] = " ".join(str(part) for part in parts if part) or None
