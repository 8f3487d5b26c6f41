"""What connections make of answers in every form, and of connections that die, against a raw socket server."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from headrace.platform.http_connection import LARGEST_HEAD
from headrace.platform.http_transport import Transport
from headrace.sandbox.common.tls import local_certificate

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Play = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """Answers each request with the next of what it was given, the last for ever; a function may do as it likes."""

    def __init__(self, *answers: bytes | Play) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def peer(*answers: bytes | Play) -> AsyncIterator[Peer]:
    found = Peer(*answers)
    listener = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/a"
    try:
        yield found
    finally:
        listener.close()


@asynccontextmanager
async def client(connections: int = 4, **seconds: float) -> AsyncIterator[httpx.AsyncClient]:
    timeout = httpx.Timeout(**{"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0, **seconds})
    transport = Transport(ssl.create_default_context(), connections)
    async with httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as found:
        yield found


class TestAnswers:
    @pytest.mark.parametrize(
        ("wire", "body", "reused"),
        [
            (OK, b"ok", True),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok", True),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
            (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", b"", True),
            (b"HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n" + OK, b"ok", True),
            (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok", True),
            (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
            (OK + OK, b"ok", False),
            (OK + b"more", b"ok", False),
        ],
    )
    async def test_forms_of_an_answer(self, wire: bytes, body: bytes, reused: bool) -> None:
        async with peer(wire, OK) as server, client() as http:
            answer = await http.post(server.url, content=b"")
            assert answer.content == body
            assert "x-early" not in answer.headers
            assert (await http.post(server.url, content=b"")).content == b"ok"
            assert (len(server.writers) == 1) is reused

    async def test_a_body_that_ends_with_its_connection(self) -> None:
        async def unframed(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000)
            writer.close()

        async with peer(unframed) as server, client() as http:
            assert len((await http.get(server.url)).content) == 1000

    async def test_a_head_has_no_body(self) -> None:
        async with peer(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", OK) as server, client() as http:
            assert (await http.head(server.url)).content == b""
            assert (await http.get(server.url)).content == b"ok"

    async def test_headers_stay_as_they_are(self) -> None:
        wire = OK.replace(b"\r\n\r\n", b"\r\nX-Empty:\r\nX-Two: 1\r\nX-Two: 2\r\nX-Long:  a b \r\n\r\n")
        async with peer(wire) as server, client() as http:
            headers = (await http.get(server.url)).headers
            assert (headers["x-empty"], headers.get_list("x-two"), headers["x-long"]) == ("", ["1", "2"], "a b")

    async def test_a_large_answer_comes_in_parts_and_whole(self) -> None:
        size = 8 * 1024 * 1024

        async def large(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            for _ in range(8):
                writer.write(b"x" * (size // 8))
                await writer.drain()

        async with peer(large) as server, client() as http, http.stream("GET", server.url) as answer:
            sizes = [len(part) async for part in answer.aiter_bytes()]
            assert sum(sizes) == size
            assert max(sizes) < size

    async def test_bytes_that_nobody_asked_for_end_a_connection(self) -> None:
        async with peer(OK) as server, client() as http:
            await http.get(server.url)
            server.writers[0].write(OK)
            await server.writers[0].drain()
            await http.get(server.url)
            assert len(server.writers) == 2

    async def test_what_is_left_half_read_is_not_used_again(self) -> None:
        async def slow(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(OK[:-1])

        async with peer(slow, OK) as server, client(connections=1) as http:
            async with http.stream("GET", server.url) as answer:
                assert answer.status_code == 200
            assert (await http.get(server.url)).content == b"ok"
            assert len(server.writers) == 2


class TestDeaths:
    @pytest.mark.parametrize(
        "wire",
        [
            b"",
            b"HTTP/1.1 200 OK\r\ncontent-le",
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nx: " + b"y" * (LARGEST_HEAD + 1),
        ],
    )
    async def test_no_whole_answer_is_told_as_such(self, wire: bytes) -> None:
        async def part(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(wire)
            writer.close()

        async with peer(part, OK) as server, client() as http:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await http.post(server.url, content=b"")
            assert len(server.requests) == 1
            assert (await http.get(server.url)).content == b"ok"

    async def test_silence_is_a_read_timeout(self) -> None:
        async def silence(request: bytes, writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        async with peer(silence) as server, client(read=0.05) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url)

    async def test_silence_in_the_middle_is_a_read_timeout(self) -> None:
        async def half(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(OK[:-1])
            await asyncio.Event().wait()

        async with peer(half) as server, client(read=0.05) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url)

    async def test_a_body_that_is_not_taken_is_a_write_timeout(self) -> None:
        async def deaf(request: bytes, writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        async with peer(deaf) as server, client(write=0.05) as http:
            with pytest.raises(httpx.WriteTimeout):
                await http.post(server.url, content=b"x" * 64 * 1024 * 1024)

    async def test_a_large_body_is_taken_whole(self) -> None:
        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(16 * 1024 * 1024)
            writer.write(OK if set(body) == {ord("x")} else b"")
            writer.close()

        async with await asyncio.start_server(count, "127.0.0.1", 0) as listener, client() as http:
            url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
            assert (await http.post(url, content=b"x" * 16 * 1024 * 1024)).content == b"ok"

    async def test_a_full_pool_has_sent_nothing(self) -> None:
        async def silence(request: bytes, writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        async with peer(silence) as server, client(connections=1, pool=0.05) as http:
            first = asyncio.create_task(http.get(server.url))
            while not server.requests:
                await asyncio.sleep(0)
            with pytest.raises(httpx.PoolTimeout):
                await http.get(server.url)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            server.answers = [OK]
            assert (await http.get(server.url)).content == b"ok"

    async def test_no_tls_on_the_other_side_has_sent_nothing(self) -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK)
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener, client() as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/")

    async def test_silence_instead_of_tls_is_a_connect_timeout(self) -> None:
        async with peer(OK) as server, client(connect=0.05) as http:
            with pytest.raises(httpx.ConnectTimeout):
                await http.get(server.url.replace("http:", "https:"))
            assert not server.requests


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([(b"x", b"a\r\ny: b")], b"/"),
        ([(b"x", b"a\x00")], b"/"),
        ([(b"x y", b"a")], b"/"),
        ([], b"/a HTTP/1.1\r\nx: y"),
        ([], b"/\xff"),
    ],
)
async def test_what_would_be_read_as_something_else_is_not_sent(
    headers: list[tuple[bytes, bytes]], target: bytes
) -> None:
    async with peer(OK) as server, client() as http:
        with pytest.raises(httpx.LocalProtocolError) as caught:
            await http.get(server.url, headers=headers, extensions={"target": target})
        assert not server.writers
        assert str(caught.value) in ("a header cannot be sent", "the address cannot be sent")


async def test_tls_connections_are_kept_and_only_trusted_ones_are_used(tmp_path: Path) -> None:
    files, found = local_certificate(tmp_path), Peer(OK)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(files.certificate_file, files.key_file)
    trusting = httpx.AsyncClient(
        transport=Transport(ssl.create_default_context(cafile=str(files.authority_file)), 1), trust_env=False
    )
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=serving) as listener, trusting as http:
        url = f"https://localhost:{listener.sockets[0].getsockname()[1]}/"
        for _ in range(3):
            assert (await http.get(url)).content == b"ok"
        assert len(found.writers) == 1
        async with client() as distrusting:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await distrusting.get(url)
        assert len(found.requests) == 3
