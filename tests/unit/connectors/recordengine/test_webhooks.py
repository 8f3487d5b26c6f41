"""Who is believed, and which document a delivery of either generation is about."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.recordengine import webhooks
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.core.contracts import WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref

API_TOKEN = "re_canary-api-token"
CODE = "c" * 32
V1 = {"id": 1204, "filename": "INV-8841.pdf", "status": "Export", "extracted_fields": {"total_amount": "1280.25"}}
V2 = {"schema_version": "2.0", "event": "document.exported", "timestamp": "2026-03-02T09:40:12Z", "id": 1204}


def config(**changes: Any) -> RecordengineConfig:
    return RecordengineConfig.model_validate({"base_url": "https://re.example.com", "api_token": API_TOKEN, **changes})


def request(body: Any, token: str = API_TOKEN, **query: str) -> WebhookRequest:
    headers = {"content-type": "application/json"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest({**headers, "authorization": f"Bearer {token}"} if token else headers, raw, query)


def status_of(found: RecordengineConfig, given: WebhookRequest) -> int:
    try:
        webhooks.verify(found, given)
        return webhooks.notice(found, given).status
    except DeliveryRefused as refused:
        return refused.status


def test_nothing_is_told_to_strangers() -> None:
    with pytest.raises(DeliveryRefused) as caught:
        webhooks.verify(config(), request(V2, "other"))
    assert (caught.value.status, caught.value.reason) == (401, "")


def test_the_token_of_the_api_is_expected_unless_others_are_configured() -> None:
    assert status_of(config(), request(V2)) == 200
    assert status_of(config(), request(V2, "other")) == 401
    two = config(webhook={"tokens": ["old-token", "new-token"]})
    assert [status_of(two, request(V2, each)) for each in ("old-token", "new-token", API_TOKEN)] == [200, 200, 401]


def test_a_code_stands_in_the_address_where_there_is_no_token() -> None:
    found = config(webhook={"codes": [CODE]})
    assert status_of(found, request(V2, "", code=CODE)) == 200
    assert status_of(found, request(V2, "", code=CODE + "x")) == 401
    assert status_of(found, request(V2, "")) == 401
    assert status_of(found, request(V2, API_TOKEN)) == 401


def test_a_proxy_that_signs(tmp_path: Path) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text("webhook: {hmac: {enabled: true}}", encoding="utf-8")
    found = config(contract=contract, webhook={"signature_secret": "canary-secret"})

    def signed(moment: float, secret: bytes = b"canary-secret") -> WebhookRequest:
        given = request(V2)
        stamp = str(int(moment))
        digest = hmac.digest(secret, stamp.encode() + b"." + given.body, "sha256").hex()
        more = {"x-recordengine-timestamp": stamp, "x-recordengine-signature": f"sha256={digest}"}
        return replace(given, headers={**given.headers, **more})

    assert status_of(found, signed(time.time())) == 200
    assert status_of(found, signed(time.time() - 400)) == 401
    assert status_of(found, signed(time.time(), b"another")) == 401
    assert status_of(found, replace(signed(time.time()), body=b'{"id": 1205}')) == 401
    assert status_of(found, request(V2)) == 401


def test_a_long_body_is_refused() -> None:
    assert status_of(config(webhook={"largest_body": 100}), request({**V2, "ai_summary": "x" * 100})) == 413


@pytest.mark.parametrize("body", [V1, V2, {**V1, "status": "export"}, {**V2, "id": "1204"}])
def test_an_exported_document(body: Any) -> None:
    notice = webhooks.notice(config(), request(body))
    assert (notice.ref, notice.status) == (Ref("document", "1204"), 200)


@pytest.mark.parametrize(
    "body",
    [
        {**V1, "status": "Approved"},
        {"id": 32, "name": "Harbor Electric", "type": "Vendor"},
        {**V2, "event": "contact.created"},
        {**V2, "event": "rule.executed", "document_id": 1204},
        {**V2, "event": "something.new"},
    ],
)
def test_other_channels_need_no_work(body: Any) -> None:
    assert webhooks.notice(config(), request(body)).ref is None


@pytest.mark.parametrize(
    "body",
    [
        {"status": "Export"},
        *({**V1, "id": each} for each in (True, -1, "12 04", 1.5)),
        {**V2, "id": None},
        {**V2, "event": None},
        {"name": "no id"},
        [V1],
        b"id=1204",
    ],
)
def test_what_is_no_webhook_is_refused(body: Any) -> None:
    with pytest.raises(DeliveryRefused) as caught:
        webhooks.notice(config(), request(body))
    assert caught.value.status == 400


def test_a_generation_may_be_excluded() -> None:
    assert [status_of(config(webhook={"mode": "v1"}), request(each)) for each in (V1, V2)] == [200, 400]
    assert [status_of(config(webhook={"mode": "v2"}), request(each)) for each in (V1, V2)] == [400, 200]


def test_a_repeat_is_known_and_another_content_is_another_delivery() -> None:
    first = webhooks.notice(config(), request(V2)).delivery_id
    again = {**dict(reversed(V2.items())), "timestamp": "2026-03-02T09:50:00Z"}
    assert webhooks.notice(config(), request(again)).delivery_id == first
    changed = {**V2, "extracted_fields": {"total_amount": "1281.25"}}
    assert webhooks.notice(config(), request(changed)).delivery_id != first
