"""Sends webhooks over keep-alive connections as fast as they are answered; a process of its own, told what by stdin.

Raw sockets and httptools: an HTTP client library would cost more than the receiver that it is to measure. Every
request is another delivery, signed, and made before the clock starts.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import httptools

from tests.bench import samples
from tests.bench.measuring import percentile

HIGHEST_RATE = 9_000
"""Requests per second that are prepared; a faster receiver ends its turn early, which the result allows for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One turn: where to, how long, and what makes its deliveries differ from those of other turns."""

    port: int
    path: str
    seconds: float
    prefix: str
    secret: str
    connections: int = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a turn: requests answered, by status; seconds; latency in milliseconds."""

    answered: int
    statuses: dict[int, int]
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers per second.

        Raises:
            RuntimeError: an answer was not 202: then the rate says nothing.
        """
        if set(self.statuses) != {202}:
            raise RuntimeError(f"webhooks were answered with {self.statuses}")
        return self.answered / self.seconds


class Generator:
    """The process, seen from the benchmark."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, order: Order) -> Outcome:
        """Do one turn; the process starts with the first.

        Raises:
            RuntimeError: it ended; its own words stand on standard error.
        """
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the load generator has no pipes")
        process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {await process.wait()}")
        found = json.loads(line)
        return Outcome(**{**found, "statuses": {int(code): count for code, count in found["statuses"].items()}})

    async def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


def requests(order: Order) -> list[bytes]:
    """Return signed requests, each with a delivery id of its own, about some thousand deals."""
    mark, number = b"@delivery@", 8_888_888
    template = samples.webhook_body(number, mark.decode())
    made = []
    for index in range(int(order.seconds * HIGHEST_RATE)):
        delivery = f"{order.prefix}-{index:08d}".encode()
        body = template.replace(mark, delivery).replace(b"8888888", b"%07d" % (1_000_000 + index % 5_000))
        signature = hmac.new(order.secret.encode(), body, hashlib.sha256).hexdigest()
        head = (
            f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nUser-Agent: Pipedrive Webhooks\r\n"
            "Accept: */*\r\nContent-Type: application/json\r\n"
            f"X-Headrace-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Turn:
    def __init__(self, waiting: list[bytes], seconds: float) -> None:
        self.waiting = waiting
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.open = 0
        self.started = time.perf_counter()
        self.deadline = self.started + seconds
        self.ended = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        return self.waiting.pop() if self.waiting and time.perf_counter() < self.deadline else None

    def closed(self, error: Exception | None) -> None:
        self.open -= 1
        if error is not None and not self.ended.done():
            self.ended.set_exception(error)
        elif self.open == 0 and not self.ended.done():
            self.ended.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, turn: _Turn) -> None:
        self._turn = turn
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._sent = 0.0
        self._complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._turn.open += 1
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self._complete:
            self._complete = False
            self._send()

    def on_message_complete(self) -> None:
        turn, status = self._turn, self._parser.get_status_code()
        turn.latencies.append(time.perf_counter() - self._sent)
        turn.statuses[status] = turn.statuses.get(status, 0) + 1
        self._parser = httptools.HttpResponseParser(self)
        self._complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        unasked = exc or (None if self._sent == 0 else ConnectionError("the server closed a connection"))
        self._turn.closed(unasked)

    def _send(self) -> None:
        request = self._turn.next()
        if request is None:
            self._sent = 0
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


async def _work(order: Order) -> Outcome:
    prepared = requests(order)
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    turn = _Turn(prepared, order.seconds)
    for _ in range(order.connections):
        await loop.create_connection(lambda: _Connection(turn), "127.0.0.1", order.port)
    await turn.ended
    gc.unfreeze()
    milliseconds = [seconds * 1000 for seconds in turn.latencies]
    return Outcome(
        len(milliseconds),
        turn.statuses,
        time.perf_counter() - turn.started,
        percentile(milliseconds, 0.5),
        percentile(milliseconds, 0.99),
    )


def _serve() -> None:
    for line in sys.stdin:
        outcome = asyncio.run(_work(Order(**json.loads(line))))
        answer: dict[str, Any] = asdict(outcome)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
