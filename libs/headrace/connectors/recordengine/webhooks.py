"""Webhooks of both generations: who sent them, and which document they are about. Nothing else is taken from them.

They are unsigned, are repeated by nobody, and their token protects no body, so documents are read anew (`source.py`).
Source: https://docs.recordengine.ai, API reference and user guide (webhooks), as far as it is public.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.contract import named
from headrace.connectors.recordengine.objects import DOCUMENT, EXPORT
from headrace.core import values as plain_values
from headrace.core.contracts import Notice, WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref
from headrace.platform.contract_files import ABSENT
from headrace.platform.json_text import parse_json
from headrace.platform.secrets import Secret


def verify(config: RecordengineConfig, request: WebhookRequest) -> None:
    """Check the Bearer token or the code in our address, in constant time; then type and length of the body.

    Raises:
        DeliveryRefused: 401 without a word, since RecordEngine writes what it is told into its audit log; 413; 415 for
            a body that is not JSON.
    """
    webhook = config.webhook
    tokens = webhook.tokens or ([] if webhook.codes else [config.api_token])
    trusted = _is_one_of(request.headers.get("authorization", ""), tokens, "Bearer ")
    trusted |= _is_one_of(request.query.get("code", ""), webhook.codes)
    if not trusted or not _is_signed(config, request):
        raise DeliveryRefused(HTTPStatus.UNAUTHORIZED, "")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise DeliveryRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not application/json")
    if len(request.body) > webhook.largest_body:
        raise DeliveryRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body too large")


def notice(config: RecordengineConfig, request: WebhookRequest) -> Notice:
    """Return which document a delivery is about; other channels need no work. Only 200 counts as received there.

    Raises:
        DeliveryRefused: 400, not a webhook of a generation that is taken in.
    """
    rules = config.rules
    try:
        body = parse_json(request.body)
        delivery_id = _hash(body, rules.webhook.timestamp)
    except (ValueError, RecursionError):
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "not JSON") from None
    if not isinstance(body, Mapping):
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "not a RecordEngine webhook")
    generation = "v1" if named(body, rules.webhook.version) is ABSENT else "v2"
    if config.webhook.mode not in ("auto", generation):
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "webhook generation not accepted")
    is_export = _is_export_v1(config, body) if generation == "v1" else _is_export_v2(config, body)
    if not is_export:
        return Notice(None, delivery_id, HTTPStatus.OK)
    return Notice(Ref(DOCUMENT, _id(rules.value(generation, "id", body))), delivery_id, HTTPStatus.OK)


def _is_export_v1(config: RecordengineConfig, body: Mapping[str, Any]) -> bool:
    """Say whether a body without an envelope is an exported document; those of contacts and folders have no status."""
    word = values.text(config.rules.value("v1", "status", body))
    if word is None:
        _id(config.rules.value("v1", "id", body))
        return False
    found = config.rules.status.name_of(word)
    return found is not None and found[0] == EXPORT


def _is_export_v2(config: RecordengineConfig, body: Mapping[str, Any]) -> bool:
    event = named(body, config.rules.webhook.event)
    if not isinstance(event, str) or not event:
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "names no event")
    return event == config.rules.webhook.events.documents


def _id(value: Any) -> str:
    found = values.whole(value)
    if found is None or found < 0:
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "names no record")
    return str(found)


def _hash(body: Any, timestamp: str) -> str:
    """Return what stays the same when a delivery comes again, and differs when the document was exported changed."""
    content = {name: each for name, each in body.items() if name != timestamp} if isinstance(body, dict) else body
    return hashlib.sha256(plain_values.dump(content)).hexdigest()


def _is_one_of(given: str, secrets: Sequence[Secret], prefix: str = "") -> bool:
    """Compare with all of them, whatever was found, so that time tells nothing."""
    trusted = False
    for secret in secrets:
        expected = f"{prefix}{secret.get_secret_value()}"
        trusted |= hmac.compare_digest(_digest(given), _digest(expected))
    return trusted


def _digest(text: str) -> bytes:
    """Equal lengths, so that a comparison does not tell the length of a secret."""
    return hashlib.sha256(text.encode()).digest()


def _is_signed(config: RecordengineConfig, request: WebhookRequest) -> bool:
    """Check the signature of a proxy, where one is configured: of its time and the body, within the window."""
    names, secret = config.rules.webhook.hmac, config.webhook.signature_secret
    if not names.enabled or secret is None:
        return True
    moment = request.headers.get(names.timestamp_header.lower(), "")
    if not (moment.isascii() and moment.isdigit()) or abs(time.time() - int(moment)) > names.window_seconds:
        return False
    content = moment.encode() + b"." + request.body
    expected = f"sha256={hmac.digest(secret.get_secret_value().encode(), content, 'sha256').hex()}"
    given = request.headers.get(names.signature_header.lower(), "")
    return hmac.compare_digest(given.encode(), expected.encode())
