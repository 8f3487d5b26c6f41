"""Notes and their files."""

from __future__ import annotations

import base64
import binascii

from headrace.sandbox.dataverse.contexts import Draft
from headrace.sandbox.dataverse.errors import ServiceError, bad_payload
from headrace.sandbox.dataverse.rules.work import Work

TOO_LARGE = "0x80044a02"


def measure(work: Work, draft: Draft, key: str) -> None:
    """Check a note's file and note its size.

    Raises:
        ServiceError: not base64, or larger than the organization allows.
    """
    body = draft.values.get("documentbody")
    draft.values["isdocument"] = body is not None
    if body is None:
        draft.values["filesize"] = 0
        return
    if "documentbody" not in draft.supplied:
        return
    try:
        content = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise bad_payload(draft.table, "The attachment body is not base64.") from None
    limit = min((int(each.data.get("maxuploadfilesize", 0)) for each in work.store.list("organization")), default=0)
    if limit and len(content) > limit:
        raise ServiceError(400, TOO_LARGE, "Attachment file size is too big.")
    draft.values["filesize"] = len(content)
    if draft.values.get("mimetype") is None:
        draft.values["mimetype"] = "application/octet-stream"
