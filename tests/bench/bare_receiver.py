"""The floor of the receiver benchmark: the same server and the same produce, and nothing in between.

`python -m tests.bench.bare_receiver <port>`; `/produce` awaits one durable record, `/nothing` answers at once.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from itertools import count

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headrace.platform.codec import Codec
from headrace.platform.health import HttpServer, routes
from headrace.platform.kafka import Producer
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import load_settings
from headrace.platform.topics import TopicNames
from tests.bench import samples


def value() -> bytes:
    """Return a delivery as the receiver writes it: the same size, made once."""
    record = {
        "connection": samples.CRM,
        "object": "deal",
        "external_id": "1000001",
        "delivery_id": "0" * 20,
        "arrival": "webhook",
        "received_at": datetime.now(UTC),
        "content_type": "application/json",
        "body": samples.webhook_body(1_000_001, "0" * 20),
        "headers": {"content-type": "application/json", "user-agent": "Pipedrive Webhooks"},
        "traceparent": samples.TRACE,
        "version": "",
    }
    return Codec.offline(Schemas(schemas_dir())).encode("internal/delivery.v1", record)


async def serve(port: int) -> None:
    """Serve until SIGTERM. The topic is the other connection's inbox, which nobody else writes to."""
    settings = load_settings()
    producer = Producer(settings.kafka)
    await producer.start()
    topic, ready_made, numbers = TopicNames(settings.kafka.prefix).inbox(samples.ERP), value(), count()
    headers = {"traceparent": samples.TRACE}

    async def produce(request: Request) -> Response:
        await request.body()
        await producer.send(topic, f"deal:{1_000_000 + next(numbers) % 5_000}", ready_made, headers)
        return JSONResponse({"status": "accepted"}, status_code=202)

    async def nothing(request: Request) -> Response:
        await request.body()
        return JSONResponse({"status": "accepted"}, status_code=202)

    answered = [Route("/produce", produce, methods=["POST"]), Route("/nothing", nothing, methods=["POST"])]
    server = HttpServer(Starlette(routes=[*answered, *routes(dict, dict)]), "127.0.0.1", port)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await server.start()
    await stopping.wait()
    await server.stop()
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
