"""The receiver as ASGI and as sockets meet it: whatever comes, an answer with a status, and little spent on it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.systems import CONNECTORS
from headrace.core import values
from headrace.core.contracts import Notice, WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref
from headrace.pipeline.inbox import SCHEMA, Inbox
from headrace.pipeline.receive import MAX_BODY, Application, Receiver
from headrace.platform.codec import Codec
from headrace.platform.health import HttpServer, routes
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import checked
from headrace.testing.hostile import TEXTS, anything, bounded, texts, tried, wire
from tests.unit.pipeline.doubles import MemoryProducer

CASES = Path(__file__).parents[1] / "contract" / "cases"
CODEC = Codec.offline(Schemas(schemas_dir()))
STATUSES = {200, 202, 400, 401, 404, 405, 408, 413, 415, 503}
SECONDS = 0.3
"""What the receiver under test waits for a body, and for the head of a request."""

latin = st.text(st.characters(max_codepoint=255), max_size=20)
numbers = st.sampled_from(["0", "-1", "+1", "1e3", "\xb2", "\xb9", "9" * 5000, "1_0", "", " 1", str(MAX_BODY + 1)])
names = st.sampled_from(
    ["content-type", "content-encoding", "transfer-encoding", "authorization", "traceparent", "user-agent", "x-a"]
)
headers = st.lists(
    st.one_of(
        st.tuples(names, st.one_of(latin, st.sampled_from([each for each in TEXTS if max(each, default="") < "\xff"]))),
        st.tuples(st.just("content-length"), st.one_of(numbers, latin)),
    ),
    max_size=4,
)
paths = st.one_of(
    st.sampled_from(["/hooks/", "/hooks/open", "/hooks/open/", "/hooks/../open", "/hooks//open", "/metrics", "*", ""]),
    texts.map(lambda text: f"/hooks/{text}"),
    texts,
)
bodies = st.one_of(anything.map(wire), st.binary(max_size=40))
METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "POST ", "post", "")


class Believing:
    """A source that believes everybody, and names the record that the body names."""

    def verify(self, request: WebhookRequest) -> None:
        pass

    def notice(self, request: WebhookRequest) -> Notice:
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            raise DeliveryRefused(400, "not JSON") from None
        text = body if isinstance(body, str) else json.dumps(body)
        return Notice(Ref("thing", text), text)


@cache
def sources() -> dict[str, Any]:
    """Return a source of every system, opened once, and `open`."""
    found: dict[str, Any] = {"open": Believing()}
    for connector in CONNECTORS:
        config = values.load((CASES / connector.system / "config.json").read_text(encoding="utf-8"))
        found[connector.system] = connector.open(connector.system, checked(connector.config, config, "x")).source
    return {name: source for name, source in found.items() if source is not None}


def receiver(**options: Any) -> tuple[Receiver, MemoryProducer]:
    """Return a receiver of all sources, and what it produces to."""
    producer = MemoryProducer()
    return Receiver(sources(), {name: Inbox(name, producer, CODEC) for name in sources()}, **options), producer


async def answered(application: Application, scope: Mapping[str, Any], parts: Sequence[bytes]) -> list[Any]:
    """Return what the application sends; `parts` of the body, then the sender is gone."""
    sent: list[Any] = []
    messages = (
        {"type": "http.request", "body": part, "more_body": at < len(parts) - 1} for at, part in enumerate(parts)
    )

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    full = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
    full |= {"query_string": b"", "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), **scope}
    await application(full, receive, send)
    return sent


@tried(1500)
@given(
    method=st.one_of(st.just("POST"), st.just("POST"), st.sampled_from(METHODS)),
    path=st.one_of(st.sampled_from(["/hooks/open", *(f"/hooks/{each.system}" for each in CONNECTORS)]), paths),
    given_headers=headers,
    query=st.binary(max_size=30),
    body=bodies,
    cut=st.sampled_from([0, 0, 0, 1, 5]),
    longer=st.sampled_from([0, 0, 0, 0, 0, MAX_BODY]),
    gone=st.booleans(),
)
async def test_anything_is_answered_with_a_status(
    method: str,
    path: str,
    given_headers: list[tuple[str, str]],
    query: bytes,
    body: bytes,
    cut: int,
    longer: int,
    gone: bool,
) -> None:
    taking, producer = receiver()
    raw = [(name.encode(), text.encode("latin-1", "replace")) for name, text in given_headers]
    scope = {"method": method, "path": path, "raw_path": b"/", "query_string": query, "headers": raw}
    whole = body + b" " * longer
    parts = [whole[:cut], whole[cut:]] if cut else [whole]
    with bounded(1.0):
        sent = await answered(Application(taking, routes(dict, dict)), scope, [*parts, b""] if gone else parts)
    assert sent[0]["type"] == "http.response.start"
    assert sent[0]["status"] in STATUSES
    for name, text in sent[0]["headers"]:
        assert not {10, 13} & {*name, *text}, "a header of the answer that somebody else wrote"
    assert (sent[0]["status"] == 202) == bool(producer.sent)
    for _, key, value in producer.sent:
        assert CODEC.decode(value or b"")[0] == SCHEMA
        assert key.encode()


@pytest.mark.parametrize("text", ["\ud800", "x" * 100_000], ids=["half a pair", "long"])
async def test_a_repeat_of_an_odd_id(text: str) -> None:
    """What cannot be kept is refused each time; what is long is known by less than itself."""
    taking, producer = receiver()
    scope = {"method": "POST", "path": "/hooks/open"}
    statuses = []
    for _ in range(2):
        (start, _) = await answered(Application(taking, []), scope, [wire(text)])
        statuses.append(start["status"])
    assert statuses == ([400, 400] if text == "\ud800" else [202, 202])
    assert len(producer.sent) == (0 if text == "\ud800" else 1)
    assert sum(len(delivery_id) for _, delivery_id in taking._durable) < 1000


async def test_a_body_in_single_bytes_costs_what_it_weighs() -> None:
    """A byte at a time, where copying what was there before each one would take minutes."""
    taking, _ = receiver()
    with bounded(10.0):
        sent = await answered(Application(taking, []), {"method": "POST", "path": "/hooks/open"}, [b"1"] * MAX_BODY)
    assert sent[0]["status"] in STATUSES


# --- over sockets ---


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, MemoryProducer]]:
    """Run a receiver that waits for nobody for long, on a port of this machine."""
    taking, producer = receiver(body_timeout=SECONDS)
    server = HttpServer(Application(taking, routes(dict, dict)), "127.0.0.1", 0, head_timeout=SECONDS)
    await server.start()
    try:
        yield server.port, producer
    finally:
        await server.stop()


async def conversation(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 10.0) -> bytes:
    """Send parts, with a pause after each, and return all that comes until the other side closes, or for so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)
        async with asyncio.timeout(seconds):
            while part := await reader.read(65536):
                said += part
    except (ConnectionError, TimeoutError):
        return said
    finally:
        writer.close()
    return said


HEAD = b"POST /hooks/open HTTP/1.1\r\nHost: hooks\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((b"",), b""),
        ((b"POST /hooks/op",), b""),
        ((HEAD,), b""),
        ((HEAD, b"X-A: ", b"1\r\n"), b""),
        ((HEAD + b"Content-Length: 9\r\n\r\n",), b"408"),
        ((HEAD + b"Content-Length: 9\r\n\r\n", b"{}"), b"408"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"), b"408"),
        ((HEAD + b"Content-Length: 99999999\r\n\r\n",), b"413"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"200000\r\n", b"x" * 0x110000), b"413"),
        ((HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",), b"415"),
    ],
)
async def test_a_slow_or_endless_sender_is_given_up(parts: tuple[bytes, ...], status: bytes) -> None:
    """However it dawdles, its connection ends; nothing is taken in."""
    async with listening() as (port, producer):
        started = time.monotonic()
        said = await conversation(port, *parts)
        assert time.monotonic() - started < 10 * SECONDS
    assert said.split(b" ")[1:2] == ([status] if status else [])
    assert not producer.sent


async def test_a_trickle_is_given_up_too() -> None:
    """A byte now and then is no progress: a time is set for the whole of head and body."""
    async with listening() as (port, producer):
        for start in (b"", HEAD + b"Content-Length: 1000\r\n\r\n"):
            started = time.monotonic()
            await conversation(port, start, *[b"x"] * 8, pause=SECONDS / 4)
            assert time.monotonic() - started < 20 * SECONDS
    assert not producer.sent


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"a" * 900_000, HEAD + b"X-A: 1\r\n" * 99_000, HEAD + b"X: " + b"a" * 900_000],
    ids=["address", "headers", "header"],
)
async def test_a_head_without_an_end_is_cut_off(endless: bytes) -> None:
    """The parser keeps all of a head in memory, and knows no limit of its own."""
    async with listening() as (port, producer):
        said = await conversation(port, endless)
    assert said.split(b" ")[1:2] in ([b"431"], [])  # our answer may be lost as we close while it sends
    assert not producer.sent


HEADERS = (b"Content-Length", b"Transfer-Encoding", b"Upgrade", b"Connection", b"Expect", b"Host")
VALUES = (b"0", b"2", b"-1", b"chunked", b"gzip, chunked", b"websocket", b"h2c", b"upgrade", b"100-continue", b"\xb2")
BODIES = (b"", b"{}", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"fffffffffffffffff\r\n")
STARTS = (b"", b"POST /hooks/open", b"GET / HTTP/1.1\r\n", b"CONNECT a HTTP/1.1\r\n", HEAD, HEAD)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Bytes that are a request, or nearly."""
    start = draw(st.sampled_from(STARTS))
    if start != HEAD:
        return start + draw(st.binary(max_size=80))
    pairs = draw(st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(VALUES)), max_size=3))
    return HEAD + b"".join(b"%s: %s\r\n" % pair for pair in pairs) + b"\r\n" + draw(st.sampled_from(BODIES))


@tried(5)
@given(st.lists(requests(), min_size=50, max_size=50))
async def test_any_bytes_end_in_an_answer_or_a_closed_connection(sent: list[bytes]) -> None:
    async with listening() as (port, _):
        said = await asyncio.gather(*(conversation(port, each, seconds=3 * SECONDS) for each in sent))
    for answer in said:
        assert not answer or answer.startswith(b"HTTP/1.1 ")
        assert b" 500 " not in answer.partition(b"\r\n")[0]


async def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a code in the address nor a credential (I10)."""
    caplog.set_level(logging.DEBUG)
    lines = (b"POST /hooks/open?code=canary-in-the-address", b"\x00canary-in-the-address", b"POST /hooks/nobody")
    async with listening() as (port, _):
        for line in lines:
            head = b" HTTP/1.1\r\nAuthorization: canary-in-a-header\r\nConnection: close\r\n\r\n"
            await conversation(port, line + head)
    said = caplog.text + "".join(repr(vars(each)) for each in caplog.records)
    assert "canary" not in said
