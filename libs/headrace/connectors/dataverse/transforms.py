"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of, made_of
from headrace.connectors.dataverse.summary import ALLOWED
from headrace.core.errors import RejectRecord
from headrace.core.refs import encode_key


def transforms(config: Any = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name, bound to a connection's configuration; None binds to none, for checks."""
    host = config.host if isinstance(config, DataverseConfig) else ""
    return {
        "record_id": partial(record_id, host),
        "record_type": record_type,
        "regarding": partial(regarding, host),
        "own_id": own_id,
    }


def record_id(host: str, text: Any = None, url: Any = None) -> str | None:
    """Return the id of a row that a document names, in lower case; None if it names none.

    Args:
        host: of the configured environment.
        text: the id as people or programs wrote it: capitals and braces go.
        url: where people see the record, if that was told. It is never called.

    Raises:
        RejectRecord: it is no GUID, or the record belongs to another environment.
    """
    if text in (None, "") and url in (None, ""):
        return None
    found = guid_of(text)
    if not found:
        raise RejectRecord(
            "not a GUID",
            f"the document names record {text!r}, which is no GUID; correct record_id in its external_refs.",
        )
    if url not in (None, ""):
        told = (urlsplit(str(url)).hostname or "").lower()
        if host and told.replace(".api.", ".", 1) != host.replace(".api.", ".", 1):
            raise RejectRecord(
                "record of another environment",
                f"the document's record {found} is at {told or 'no host'}, this connection is {host}; correct "
                "record_url in its external_refs, or send the document to the connection of that environment.",
            )
    return found


def record_type(text: Any = None) -> str | None:
    """Return the table of the record that a document names by its logical name, None if it names none.

    Raises:
        RejectRecord: documents may not name records of this table.
    """
    if text in (None, ""):
        return None
    name = str(text)
    if name not in ALLOWED:
        raise RejectRecord(
            "record type not allowed",
            f"the document names a record of type {text!r}; allowed are {', '.join(ALLOWED)}. Correct record_type in "
            "its external_refs.",
        )
    return name


def regarding(host: str, type: Any = None, id: Any = None, url: Any = None) -> str | None:  # noqa: A002 - mapping's words
    """Return what a note or task is about, "opportunity=GUID"; errors as in `record_type` and `record_id`."""
    table, found = record_type(type), record_id(host, id, url)
    return encode_key({table: found}) if table and found else None


def own_id(record: Any = None, name: Any = None, revision: Any = None) -> str:
    """Return the GUID of a row of ours: the same for the same canonical id, name and revision (UUIDv5)."""
    return made_of(record, name, revision)
