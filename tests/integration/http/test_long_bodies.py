"""Bodies that are sent part by part: whole, again from their start, cut by an early answer; what a failure means."""

import asyncio
import io
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from email.message import Message
from email.parser import BytesParser

import pytest

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform.http import HttpClient
from headrace.platform.multipart import IN_MEMORY, PART, FilePart, Multipart, spooled
from headrace.testing.serving import closed_address
from tests.integration.http.test_http_client import answer, client, running

MEGABYTE = 1024 * 1024


def form(content: bytes, filename: str = "INV-8841.pdf", **fields: str) -> Multipart:
    file = FilePart("file", filename, "application/pdf", io.BytesIO(content), len(content))
    return Multipart(fields, file)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """Run a handler for each connection until the block ends; give the port."""
    open_ones: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones)


async def sent(found: HttpClient, body: Multipart) -> int:
    headers = {"content-type": body.content_type}
    answered = await found.change("POST", "/upload", operation="upload", content=body, headers=headers)
    return answered.status_code


def parsed(request: bytes) -> Mapping[str, tuple[Message, bytes]]:
    """Return the parts of a form by name, as Python's own parser of mails reads them."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    content_type = next(value for name, value in lines.items() if name.lower() == b"content-type")
    message = BytesParser().parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    found = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = (part, part.get_payload(decode=True) or b"")
    return found


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * MEGABYTE])
async def test_a_form_arrives_whole(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    body = form(content, contact_id="31", external_refs='{"a": "ü"}')
    async with running(answer()) as server, client(server.port) as found:
        assert await sent(found, body) == 200
    (request,) = server.requests
    assert len(request.partition(b"\r\n\r\n")[2]) == body.size
    assert b"transfer-encoding" not in request.lower()
    assert (b"\r\n\r\n" + content + b"\r\n--") in request
    parts = parsed(request)
    assert list(parts) == ["contact_id", "external_refs", "file"]
    assert parts["contact_id"][1] == b"31"
    assert parts["file"][0].get_filename() == "INV-8841.pdf"
    assert parts["file"][0].get_content_type() == "application/pdf"


@pytest.mark.parametrize("name", ['a "quoted" name.pdf', "back\\slash.pdf", "semi;colon.pdf"])
async def test_names_of_files_are_quoted(name: str) -> None:
    async with running(answer()) as server, client(server.port) as found:
        await sent(found, form(b"x", name))
    assert parsed(server.requests[0])["file"][0].get_filename() == name


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1.pdf", "a\x00.pdf", "a\n.pdf"])
def test_names_that_no_header_holds_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="control character") as caught:
        form(b"x", name)
    assert "Evil" not in str(caught.value)


async def test_a_second_try_begins_at_the_start() -> None:
    """A 401 was not processed: with new credentials the same body is sent again, all of it."""
    renewed = []

    async def renew() -> None:
        renewed.append(1)

    body = form(b"x" * MEGABYTE)
    async with running(answer(401), answer()) as server, client(server.port, reauthenticate=renew) as found:
        assert await sent(found, body) == 200
    first, second = (request.partition(b"\r\n\r\n")[2] for request in server.requests)
    assert first == second
    assert len(renewed) == 1


async def test_a_401_that_stays_tells_the_remedy() -> None:
    async with running(answer(401)) as server, client(server.port, remedy="Replace the token.") as found:
        with pytest.raises(StopConnection) as caught:
            await sent(found, form(b"x"))
    assert caught.value.remedy == "Replace the token."


async def test_an_answer_before_the_end_is_heard() -> None:
    """A server that refuses by the length alone answers and reads no more: that is no unknown outcome."""
    connections = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(413))
        await writer.drain()
        await asyncio.Event().wait()  # neither reads nor closes

    async with listening(refuse) as port, client(port) as found:
        for _ in range(2):
            assert await sent(found, form(b"x" * 20 * MEGABYTE)) == 413
    assert connections == 2, "a connection whose request was cut is not used again"


async def test_a_connection_is_used_again_after_a_whole_body() -> None:
    async with running(answer()) as server, client(server.port) as found:
        for _ in range(3):
            assert await sent(found, form(b"x" * MEGABYTE)) == 200
    assert server.connections == 1


async def test_what_breaks_in_the_middle_is_unknown() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(MEGABYTE)
        writer.transport.abort()

    async with listening(close) as port, client(port) as found:
        with pytest.raises(OutcomeUnknown):
            await sent(found, form(b"x" * 20 * MEGABYTE))


async def test_a_server_that_takes_nothing_is_given_up() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with listening(stall) as port, client(port) as found:
        with pytest.raises(OutcomeUnknown, match="WriteTimeout"):
            await sent(found, form(b"x" * 50 * MEGABYTE))


async def test_what_was_never_sent_is_for_later() -> None:
    port = int(closed_address().rpartition(":")[2])
    async with client(port) as found:
        with pytest.raises(RetryLater):
            await sent(found, form(b"x"))


async def test_a_body_that_is_not_as_long_as_it_says_is_never_taken() -> None:
    """Nobody can take it for whole: the connection ends before its end."""
    short = Multipart({}, FilePart("file", "a.pdf", "application/pdf", io.BytesIO(b"x" * 10), 20))
    async with running(answer()) as server, client(server.port) as found:
        with pytest.raises(OutcomeUnknown):
            await sent(found, short)
    assert server.requests == []


async def test_a_long_body_is_never_whole_in_memory() -> None:
    async def discard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while left:
            left -= len(await reader.read(PART))
        writer.write(answer())

    async def content() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * MEGABYTE

    tracemalloc.start()
    try:
        async with listening(discard) as port, client(port) as found, spooled(content()) as (file, size):
            assert size == 64 * MEGABYTE
            assert await sent(found, Multipart({}, FilePart("file", "a.pdf", "application/pdf", file, size))) == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * IN_MEMORY


async def test_what_ends_with_an_error_leaves_nothing() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"x"
        raise RejectRecord("attachment is not there")

    with pytest.raises(RejectRecord):
        async with spooled(content()):
            raise AssertionError("nothing may be sent")
