"""The parts that all sandboxes share, without a network."""

import hashlib
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from headrace.sandbox.common.clock import Clock
from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.encoding import dump_text, load
from headrace.sandbox.common.faults import FaultBook, FaultRule
from headrace.sandbox.common.ledger import Ledger
from headrace.sandbox.common.middleware import SandboxMiddleware
from headrace.sandbox.common.quota import MinuteQuota
from headrace.sandbox.common.requests import RequestNote, RequestRing, request_note, without_secrets
from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.common.store import Store


class Failure(Exception):
    pass


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "sandbox.sqlite")
    yield opened
    opened.close()


def test_decimals_keep_their_digits():
    assert dump_text({"a": Decimal("10.50"), "b": ['x"y', Decimal("1E+2")]}) == '{"a":10.50,"b":["x\\"y",100]}'
    assert load('{"a":0.1}') == {"a": Decimal("0.1")}


def test_store_keeps_records_over_a_restart(tmp_path: Path):
    now = Clock().now()
    first = Store(tmp_path / "s.sqlite")
    with first.transaction():
        first.put("orders", "1", {"amount": Decimal("9.90")}, now)
        first.put("orders", "1", {"amount": Decimal("9.91")}, now)
    first.close()
    second = Store(tmp_path / "s.sqlite")
    record = second.get("orders", "1")
    assert record is not None
    assert (record.data, record.version, record.modified_at) == ({"amount": Decimal("9.91")}, 2, now)
    second.close()


def test_a_failed_transaction_leaves_nothing(store: Store):
    now = Clock().now()
    ledger = Ledger(store, Clock().now)
    store.define_index("orders", "reference")
    with store.transaction():
        store.put("orders", "1", {"reference": "A"}, now)
    with suppress(Failure), store.transaction():
        store.put("orders", "1", {"reference": "B"}, now)
        store.put("orders", "2", {"reference": "B"}, now)
        ledger.append("orders", "2", "create", {}, None, {}, RequestNote("POST", "/"))
        raise Failure
    assert [record.data["reference"] for record in store.list("orders")] == ["A"]
    assert store.find("orders", "reference", "b") == []
    assert [record.key for record in store.find("orders", "reference", "a")] == ["1"]
    assert ledger.entries() == []


def test_changes_need_a_transaction(store: Store):
    with pytest.raises(RuntimeError, match="transaction"):
        store.put("orders", "1", {}, Clock().now())
    with pytest.raises(RuntimeError, match="transaction"):
        Ledger(store, Clock().now).append("o", "1", "create", {}, None, {}, RequestNote("POST", "/"))


def test_ledger_rows_hold_before_after_and_request(store: Store):
    ledger = Ledger(store, Clock().now)
    note = RequestNote("PATCH", "/orders/1", reply="dropped")
    with store.transaction():
        ledger.append("orders", "1", "update", {"a": 2}, {"a": 1}, {"a": 2}, note)
        ledger.append("lines", "1", "create", {}, None, {}, note)
    first, second = ledger.entries()
    assert (first["before"], first["after"], first["reply"]) == ({"a": 1}, {"a": 2}, "dropped")
    assert first["request"]["id"] == note.id
    assert ledger.entries(after=first["seq"]) == [second]
    assert ledger.entries(object_="lines") == [second]
    assert ledger.last() == second["seq"]


def test_fault_rules_skip_then_hit_so_many_times():
    book = FaultBook()
    book.add(FaultRule.model_validate({"kind": "delay", "seconds": 0.5, "times": None}))
    book.add(FaultRule.model_validate({"kind": "drop_reply", "skip": 1, "times": 2, "match": {"method": "POST"}}))
    kinds = [rule.kind if rule else None for _, rule in (book.decide("POST", "/x", b"") for _ in range(4))]
    assert kinds == [None, "drop_reply", "drop_reply", None]
    assert book.decide("GET", "/x", b"") == (0.5, None)
    assert [rule["hits"] for rule in book.describe()] == [5, 2]


def test_token_parameters_are_not_remembered():
    assert without_secrets("/v1/deals?api_token=abc&start=1") == "/v1/deals?api_token=***&start=1"


def test_settings_change_all_or_nothing():
    settings = SandboxSettings()
    with pytest.raises(ValueError):
        settings.change({"retry_time_scale": 0.5, "unknown": 1})
    assert settings.retry_time_scale == 1.0


def test_a_delivery_of_a_failed_change_is_never_queued(store: Store):
    deliveries = Deliveries(store, SandboxSettings(), [1.0])
    with suppress(Failure), store.transaction():
        deliveries.enqueue("http://localhost/hook", {"id": 1})
        raise Failure
    assert deliveries.log() == []


def test_a_quota_begins_anew_with_each_minute():
    quota, clock = MinuteQuota(), Clock()
    now = clock.now()
    assert [quota.take("a", 2, now) for _ in range(3)] == [0, 0, 60]
    assert quota.take("b", 2, now) == 0
    assert quota.take("a", 0, now) == 0
    assert quota.take("a", 2, now + timedelta(seconds=59.5)) == 1
    assert quota.take("a", 2, now + timedelta(seconds=60)) == 0


def test_who_watches_the_clock_is_told_after_it_moved():
    clock, told = Clock(), []
    began = clock.now()
    clock.watch(lambda: told.append(clock.now() - began))
    clock.advance(60)
    assert len(told) == 1
    assert told[0] >= timedelta(seconds=60)


async def test_a_form_with_files_goes_through_as_it_comes():
    """What a client has not sent yet is not waited for, and the hash is there when the last part was read."""
    order: list[str] = []
    parts = [b"first", b"second", b"third"]

    async def receive() -> Message:
        part = parts.pop(0)
        order.append(f"sent {part.decode()}")
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        note = request_note(request)
        parts = request.stream()
        while (part := await anext(parts, None)) is not None:
            order.append(f"read {part.decode()} {len(note.body_sha256)}")
        await Response()(scope, receive, send)

    async def send(message: Message) -> None:
        order.append(message["type"])

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/files",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=b1")],
    }
    middleware = SandboxMiddleware(application, FaultBook(), RequestRing(), Clock().now)
    await middleware(scope, receive, send)
    read = ["sent first", "read first 0", "sent second", "read second 0", "sent third", "read third 64", "read  64"]
    assert order[: len(read)] == read
    assert scope["state"]["sandbox_request"].body_sha256 == hashlib.sha256(b"firstsecondthird").hexdigest()
