"""Deliveries of service endpoint steps: who sent them, and which row they are about.

Each posts a RemoteExecutionContext as JSON. Of one that is larger than 256 KB only ids are left, none is ordered, and
an update tells only the columns that changed: so all of them are thin, and rows are read anew. A deletion alone is
believed as it is, if it names our organization: a copy of an environment has the steps of its model, and would tell of
rows that are still here. Source: Microsoft, "Use webhooks to create external handlers for server events".
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of
from headrace.connectors.dataverse.reading import deleted
from headrace.core.contracts import Notice, Record, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord
from headrace.core.event import Ref
from headrace.platform.json_text import parse_json
from headrace.platform.secrets import Secret

CODE = "code"
"""Parameter of the address that WebhookKey authentication adds."""
_MADE = ("OperationId", "CorrelationId", "RequestId", "MessageName", "OperationCreatedOn", "Depth")


def verify(config: DataverseConfig, request: WebhookRequest) -> None:
    """Believe a request only with an accepted code, header or parameter; compared in constant time.

    Raises:
        DeliveryRefused: 401 without one, or when no webhook is configured; 415 when the body is not JSON.
    """
    webhook = config.webhook
    if webhook is None:
        raise DeliveryRefused(401, "no webhook is configured")
    known = _one_of(request.query.get(CODE, ""), webhook.codes)
    for header in webhook.headers:
        known |= _one_of(request.headers.get(header.name.lower(), ""), [header.value])
    for query in webhook.queries:
        known |= _one_of(request.query.get(query.name, ""), [query.value])
    if not known:
        raise DeliveryRefused(401, "unknown sender")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise DeliveryRefused(415, "not application/json")


def notice(config: DataverseConfig, request: WebhookRequest) -> Notice:
    """Return which row a delivery is about. Tables that are not configured need no work.

    Raises:
        DeliveryRefused: 400, not a RemoteExecutionContext.
    """
    try:
        body = parse_json(request.body)
    except (ValueError, RecursionError):
        raise DeliveryRefused(400, "not JSON") from None
    context = body if isinstance(body, Mapping) else {}
    table, id_ = _subject(context)
    if not table or not isinstance(context.get("MessageName"), str):
        raise DeliveryRefused(400, "not an execution context")
    delivery_id = ":".join(str(context.get(name) or "") for name in _MADE) + f":{table}:{id_}"
    if table not in config.objects:
        return Notice(None, delivery_id)
    if not id_:
        raise DeliveryRefused(400, "names no row")
    return Notice(Ref(table, id_), delivery_id)


def decode(ref: Ref, body: bytes, organization: str, user: str) -> Record | None:
    """Return the record of a deletion; None for all else, which is read anew.

    Args:
        ref: what `notice` returned.
        body: of the delivery.
        organization: id of ours, "" if it was not asked for yet: then the row is read.
        user: id of our own.

    Raises:
        RejectRecord: the bytes are not the delivery that `notice` saw.
    """
    try:
        context = parse_json(body)
        table, id_ = _subject(context)
    except (ValueError, RecursionError, AttributeError):
        detail = f"{ref.object} {ref.external_id}: the stored body is no execution context"
        raise RejectRecord("webhook unreadable", detail) from None
    ours = organization != "" and guid_of(context.get("OrganizationId")) == organization
    if context.get("MessageName") != "Delete" or (table, id_) != (ref.object, ref.external_id) or not ours:
        return None
    record = deleted(ref.object, ref.external_id)
    if user and guid_of(context.get("UserId")) == user:
        return Record(ref, record.data, deleted=True, own=True)
    return record


def _subject(context: Mapping[str, Any]) -> tuple[str, str]:
    return str(context.get("PrimaryEntityName") or ""), guid_of(context.get("PrimaryEntityId"))


def _one_of(given: str, accepted: Iterable[Secret]) -> bool:
    """Compare with every accepted value, whatever the first ones say."""
    found = False
    for secret in accepted:
        found |= hmac.compare_digest(given.encode(), secret.get_secret_value().encode())
    return found
