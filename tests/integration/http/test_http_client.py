"""The client against a raw socket server that fails at chosen moments."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform import http
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts, parse_json

CANARY = "canary-token-4711"
Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> bytes:
    more = [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """Keeps every request; each is answered by the next handler, the last one for ever."""

    def __init__(self, *handlers: Handler | bytes) -> None:
        self.handlers = list(handlers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                handler = self.handlers[min(len(self.requests), len(self.handlers)) - 1]
                if isinstance(handler, bytes):
                    writer.write(handler)
                else:
                    await handler(self.requests[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(*handlers: Handler | bytes) -> AsyncIterator[Server]:
    found = Server(*handlers)
    listener = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = listener.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listener.close()


@asynccontextmanager
async def client(port: int, **options: object) -> AsyncIterator[HttpClient]:
    async def headers() -> Mapping[str, str]:
        return {"x-api-token": CANARY}

    options.setdefault("budget", Budget("t", concurrency=8))
    options.setdefault("timeouts", Timeouts(connect=1, read=0.3, write=1, pool=1, budget=0.5))
    found = HttpClient("t", f"http://127.0.0.1:{port}", headers=headers, **options)  # type: ignore[arg-type]
    try:
        yield found
    finally:
        await found.close()


async def drop(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def silence(request: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def half(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(body=b"x" * 100)[:-50])
    writer.close()


async def garbage(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n\r\n")
    writer.close()


class TestChangePhases:
    @pytest.mark.parametrize("fault", [drop, silence, half, garbage], ids=lambda f: f.__name__)
    async def test_anything_after_sending_is_unknown_and_sent_once(self, fault: Handler) -> None:
        async with running(fault) as server, client(server.port) as http_client:
            with pytest.raises(OutcomeUnknown) as caught:
                await http_client.change("POST", "/deals", operation="deals.create", json={"title": "x"})
            assert len(server.requests) == 1
            assert CANARY not in str(caught.value)

    async def test_refused_connection_is_not_sent(self) -> None:
        async with running(answer()) as server:
            port = server.port
        async with client(port) as http_client:
            with pytest.raises(RetryLater, match="not sent"):
                await http_client.change("POST", "/deals", operation="deals.create", json={})

    async def test_keep_alive_closed_while_writing_is_not_repeated(self) -> None:
        async with running(answer(), drop) as server, client(server.port) as http_client:
            await http_client.change("POST", "/a", operation="a", json={})
            with pytest.raises(OutcomeUnknown):
                await http_client.change("POST", "/b", operation="b", json={})
            assert len(server.requests) == 2

    async def test_idle_connection_closed_by_the_server_is_replaced(self) -> None:
        closed = asyncio.Event()

        async def answer_and_close(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(answer())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with running(answer_and_close, answer()) as server, client(server.port) as http_client:
            await http_client.change("POST", "/a", operation="a", json={})
            await closed.wait()
            assert (await http_client.change("POST", "/b", operation="b", json={})).status_code == 200

    @pytest.mark.parametrize("status", [400, 429, 500, 503])
    async def test_every_status_is_returned_once(self, status: int) -> None:
        async with running(answer(status)) as server, client(server.port) as http_client:
            response = await http_client.change("POST", "/a", operation="a", json={})
            assert response.status_code == status
            assert len(server.requests) == 1

    @pytest.mark.parametrize("value", ["/x('Ä-1')".encode(), "/x('Ä-1')".encode("latin-1"), b"\xff"])
    async def test_headers_of_any_bytes(self, value: bytes) -> None:
        raw = answer().replace(b"\r\n\r\n", b"\r\nlocation: " + value + b"\r\n\r\n")
        async with running(raw) as server, client(server.port) as http_client:
            response = await http_client.change("POST", "/a", operation="a", json={})
            assert (b"location", value) in [(name.lower(), found) for name, found in response.headers.raw]

    async def test_cancellation_stays_one(self) -> None:
        arrived = asyncio.Event()

        async def arrive(request: bytes, writer: asyncio.StreamWriter) -> None:
            arrived.set()
            await silence(request, writer)

        async with running(arrive) as server, client(server.port) as http_client:
            task = asyncio.create_task(http_client.change("POST", "/a", operation="a", json={}))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    async def test_too_large_answer_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
        async with running(answer(body=b"x" * 2000)) as server, client(server.port) as http_client:
            with pytest.raises(OutcomeUnknown):
                await http_client.change("POST", "/a", operation="a", json={})
            with pytest.raises(RejectRecord, match="answer too large"):
                await http_client.read("GET", "/a", operation="a")


class TestReads:
    @pytest.mark.parametrize("fault", [drop, half, garbage, answer(503), answer(429), answer(502)])
    async def test_a_read_is_repeated(self, fault: Handler | bytes) -> None:
        async with running(fault, answer(body=b'{"a":0.10}')) as server, client(server.port) as http_client:
            response = await http_client.read("GET", "/a", operation="a")
            assert str(parse_json(response)["a"]) == "0.10"
            assert len(server.requests) == 2

    async def test_it_gives_up_in_bounded_time(self) -> None:
        async with running(answer(503)) as server, client(server.port, attempts=3) as http_client:
            with pytest.raises(RetryLater, match="503"):
                await http_client.read("GET", "/a", operation="a")
            assert len(server.requests) == 3

    async def test_a_wait_longer_than_our_patience_is_handed_on(self) -> None:
        later = answer(503, {"retry-after": "1200"})
        async with running(later) as server, client(server.port) as http_client:
            with pytest.raises(RetryLater) as caught:
                await http_client.read("GET", "/a", operation="a")
            assert caught.value.after == 1200
            assert len(server.requests) == 1

    async def test_retry_after_as_a_date(self) -> None:
        now = datetime(2020, 1, 1, tzinfo=UTC)
        later = answer(
            429,
            {
                "retry-after": format_datetime(now + timedelta(seconds=1), usegmt=True),
                "date": format_datetime(now, usegmt=True),
            },
        )
        budget = Budget("t", concurrency=8)
        async with running(later, answer()) as server, client(server.port, budget=budget) as http_client:
            started = asyncio.get_running_loop().time()
            await http_client.read("GET", "/a", operation="a")
            assert asyncio.get_running_loop().time() - started >= 0.99

    async def test_429_pauses_everybody(self) -> None:
        budget = Budget("t", concurrency=8)
        later = answer(429, {"retry-after": "40"})
        async with running(later) as server, client(server.port, budget=budget) as http_client:
            await http_client.change("POST", "/a", operation="a", json={})
            assert budget.pause_left() > 39
            with pytest.raises(RetryLater, match="429"):
                await http_client.change("POST", "/b", operation="b", json={})
            assert len(server.requests) == 1

    async def test_compressed_answer(self) -> None:
        body = answer(body=gzip.compress(b'{"a":1}'), headers={"content-encoding": "gzip"})
        async with running(body) as server, client(server.port) as http_client:
            assert parse_json(await http_client.read("GET", "/a", operation="a")) == {"a": 1}


class TestSignIn:
    @pytest.mark.parametrize("changing", [False, True])
    async def test_one_renewal_then_the_same_call(self, changing: bool) -> None:
        renewals = 0

        async def renew() -> None:
            nonlocal renewals
            renewals += 1

        async with running(answer(401), answer()) as server, client(server.port, reauthenticate=renew) as http_client:
            call = http_client.change if changing else http_client.read
            assert (await call("POST", "/a", operation="a", json={"n": 1})).status_code == 200
            assert renewals == 1
            assert server.requests[0] == server.requests[1]

    async def test_second_401_stops_the_connection(self) -> None:
        async def renew() -> None:
            return None

        async with running(answer(401)) as server, client(server.port, reauthenticate=renew) as http_client:
            with pytest.raises(StopConnection) as caught:
                await http_client.read("GET", f"/a?api_token={CANARY}", operation="a")
            assert CANARY not in str(caught.value)
            assert len(server.requests) == 2

    async def test_nothing_to_renew(self) -> None:
        async with running(answer(401)) as server, client(server.port) as http_client:
            with pytest.raises(StopConnection):
                await http_client.change("POST", "/a", operation="a", json={})
            assert len(server.requests) == 1


class TestAddresses:
    @pytest.mark.parametrize(
        "link", ["http://evil.example/x", "https://127.0.0.1/x", "//evil.example/x", "http://127.0.0.1:1/x"]
    )
    async def test_links_elsewhere_are_refused_before_any_call(self, link: str) -> None:
        async with running(answer()) as server, client(server.port) as http_client:
            with pytest.raises(RejectRecord, match="address outside the connection"):
                await http_client.read("GET", link, operation="a")
            assert not server.requests

    async def test_links_to_the_same_origin_are_followed_with_their_query(self) -> None:
        async with running(answer()) as server, client(server.port) as http_client:
            link = f"http://127.0.0.1:{server.port}/data/X?$skiptoken=a%20b&c='d'"
            await http_client.read("GET", link, operation="a")
            assert server.requests[0].startswith(b"GET /data/X?$skiptoken=a%20b&c='d' ")

    async def test_redirects_are_not_followed(self) -> None:
        async with (
            running(answer(302, {"location": "http://127.0.0.1:1/"})) as server,
            client(server.port) as http_client,
        ):
            assert (await http_client.read("GET", "/a", operation="a")).status_code == 302


@pytest.mark.parametrize("changing", [False, True])
async def test_a_credential_that_is_no_header_stays_secret(changing: bool) -> None:
    async def headers() -> Mapping[str, str]:
        return {"x-api-token": f"{CANARY}\n"}

    async with running(answer()) as server:
        http_client = HttpClient(
            "t", f"http://127.0.0.1:{server.port}", budget=Budget("t"), headers=headers, attempts=1
        )
        call = http_client.change if changing else http_client.read
        with pytest.raises((OutcomeUnknown, RetryLater)) as caught:
            await call("POST", "/a", operation="a", json={})
        await http_client.close()
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or CANARY not in repr(caught.value.__context__)


async def test_what_goes_out() -> None:
    async with running(answer()) as server, client(server.port) as http_client:
        await http_client.change("POST", "/a", operation="a", json={"ü": 1}, trace="0" * 31 + "1", headers={"x-y": "z"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == '{"ü":1}'.encode()
    assert b"content-type: application/json" in head.lower()
    assert b"x-y: z" in head
    assert b"traceparent: 00-00000000000000000000000000000001-" in head


async def test_many_calls_share_a_few_connections() -> None:
    async with running(answer()) as server, client(server.port, concurrency=3) as http_client:
        await asyncio.gather(*(http_client.read("GET", "/a", operation="a") for _ in range(60)))
        assert len(server.requests) == 60
        assert server.connections <= 3


class TestStreamed:
    async def taken(self, http_client: HttpClient, path: str = "/file") -> bytes:
        async with http_client.streamed(path, operation="file") as response:
            assert response.status_code == 200
            return b"".join([part async for part in response.aiter_bytes()])

    async def test_parts_come_as_they_arrive(self) -> None:
        more = asyncio.Event()

        async def in_two(request: bytes, writer: asyncio.StreamWriter) -> None:
            whole = answer(body=b"a" * 50 + b"b" * 50)
            writer.write(whole[:-50])
            await more.wait()
            writer.write(whole[-50:])

        async with running(in_two) as server, client(server.port) as http_client:
            async with http_client.streamed("/file", operation="file") as response:
                parts = response.aiter_bytes()
                first = await anext(parts)
                assert set(first) == {ord("a")}, "before the answer has ended"
                more.set()
                rest = [part async for part in parts]
            assert first + b"".join(rest) == b"a" * 50 + b"b" * 50

    @pytest.mark.parametrize("fault", [drop, silence, half, garbage], ids=lambda f: f.__name__)
    async def test_what_is_cut_off_is_for_later_and_not_repeated_here(self, fault: Handler) -> None:
        async with running(fault) as server, client(server.port) as http_client:
            with pytest.raises(RetryLater) as caught:
                await self.taken(http_client)
            assert len(server.requests) == 1
            assert CANARY not in str(caught.value)

    async def test_a_token_that_ended_is_renewed_once(self) -> None:
        renewed = []

        async def renew() -> None:
            renewed.append(1)

        async with (
            running(answer(401), answer(body=b"x"), answer(401)) as server,
            client(server.port, reauthenticate=renew) as http_client,
        ):
            assert await self.taken(http_client) == b"x"
            with pytest.raises(StopConnection):
                await self.taken(http_client)
            assert len(renewed) == 2

    async def test_throttling_is_told_and_heeded(self) -> None:
        async with running(answer(429, {"retry-after": "7"})) as server, client(server.port) as http_client:
            with pytest.raises(RetryLater) as caught:
                await self.taken(http_client)
            assert caught.value.after == 7
            assert http_client.budget.pause_left() > 6

    async def test_another_origin_is_refused(self) -> None:
        async with running(answer()) as server, client(server.port) as http_client:
            with pytest.raises(RejectRecord, match="outside the connection"):
                await self.taken(http_client, "http://127.0.0.1:1/file")
            assert server.requests == []
