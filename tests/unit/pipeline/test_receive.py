import asyncio
import hmac

import httpx
import pytest
from aiokafka.errors import KafkaTimeoutError

from headrace.core.contracts import Notice
from headrace.core.errors import DeliveryRefused, StopConnection
from headrace.core.event import Ref
from headrace.pipeline.receive import MAX_BODY, Application, Receiver


class SecretSource:
    """Takes JSON-looking bodies with the right secret; an empty object is a test message."""

    def verify(self, request):
        if request.headers.get("content-type") != "application/json":
            raise DeliveryRefused(415, "JSON only")
        if not hmac.compare_digest(request.headers.get("x-secret", ""), "s3cret"):
            raise DeliveryRefused(401, "wrong secret")

    def notice(self, request):
        if request.body == b"{}":
            return Notice(None, "")
        if not request.body.startswith(b"{"):
            raise DeliveryRefused(400, "not JSON")
        return Notice(Ref("deal", "7"), request.headers.get("x-delivery", ""))


class MemoryInbox:
    def __init__(self):
        self.deliveries = []
        self.broken = None
        self.gate = None

    async def put(self, delivery):
        if self.gate is not None:
            await self.gate.wait()
        if self.broken is not None:
            raise self.broken
        self.deliveries.append(delivery)


@pytest.fixture
def inbox():
    return MemoryInbox()


@pytest.fixture
def receiver(inbox):
    return Receiver({"crm": SecretSource()}, {"crm": inbox}, produce_timeout=0.2)


@pytest.fixture
async def client(receiver):
    transport = httpx.ASGITransport(Application(receiver, []))
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks") as client:
        yield client


GOOD = {"x-secret": "s3cret", "content-type": "application/json"}


async def post(client, body=b'{"a":1}', path="/hooks/crm", **headers):
    return await client.post(path, content=body, headers={**GOOD, **headers})


async def test_a_verified_delivery_is_durable_before_the_answer(client, inbox):
    answer = await post(client)
    assert answer.status_code == 202
    (delivery,) = inbox.deliveries
    assert (delivery.ref, delivery.body, delivery.arrival) == (Ref("deal", "7"), b'{"a":1}', "webhook")


async def test_a_sender_gets_the_status_that_it_takes_for_received(client, inbox, monkeypatch):
    monkeypatch.setattr(SecretSource, "notice", lambda self, request: Notice(Ref("deal", "7"), "d1", status=200))
    answers = [await post(client), await post(client)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [
        (200, "accepted"),
        (200, "already taken in"),
    ]
    assert len(inbox.deliveries) == 1


async def test_a_stored_secret_that_is_missing_is_a_503_that_the_sender_repeats(client, inbox, monkeypatch):
    def verify(self, request):
        raise StopConnection("credential hook is not stored", "Store it.")

    with monkeypatch.context() as patched:
        patched.setattr(SecretSource, "verify", verify)
        answer = await post(client, **{"x-delivery": "d1"})
    assert (answer.status_code, inbox.deliveries) == (503, [])
    assert "credential" not in answer.text
    assert (await post(client, **{"x-delivery": "d1"})).status_code == 202


@pytest.mark.parametrize("broken", [KafkaTimeoutError(), TimeoutError()])
async def test_kafka_down_is_a_503_that_the_sender_repeats(client, inbox, broken):
    inbox.broken = broken
    answer = await post(client, **{"x-delivery": "d1"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    inbox.broken = None
    assert (await post(client, **{"x-delivery": "d1"})).status_code == 202
    assert len(inbox.deliveries) == 1


async def test_kafka_that_does_not_answer_is_a_503(client, inbox):
    inbox.gate = asyncio.Event()
    assert (await post(client)).status_code == 503


async def test_a_repeated_delivery_is_acknowledged_and_not_taken_in_again(client, inbox):
    for _ in range(3):
        assert (await post(client, **{"x-delivery": "d1"})).status_code == 202
    assert len(inbox.deliveries) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"x-secret": "wrong"}, b"{}", 401),
        ({"content-type": "text/xml"}, b"{}", 415),
        ({"content-encoding": "gzip"}, b"{}", 415),
        ({}, b"<xml>", 400),
        ({}, b"{" + b"x" * MAX_BODY, 413),
    ],
)
async def test_what_is_refused_leaves_nothing(client, inbox, headers, body, status):
    answer = await post(client, body, **headers)
    assert answer.status_code == status
    assert "s3cret" not in answer.text
    assert inbox.deliveries == []


async def test_401_says_how_to_sign_in(client):
    assert (await post(client, **{"x-secret": ""})).headers["www-authenticate"].startswith("Basic")


async def test_a_long_body_without_a_length_is_cut_off(client, inbox):
    async def endless():
        for _ in range(20):
            yield b"{" + b"x" * (MAX_BODY // 10)

    answer = await client.post("/hooks/crm", content=endless(), headers=GOOD)
    assert answer.status_code == 413
    assert inbox.deliveries == []


async def test_unknown_connection(client):
    assert (await post(client, path="/hooks/other")).status_code == 404


async def test_only_post(client):
    assert (await client.get("/hooks/crm")).status_code == 405


async def test_a_test_message_needs_no_work(client, inbox):
    assert (await post(client, b"{}")).status_code == 200
    assert inbox.deliveries == []


async def test_headers_that_may_hold_secrets_are_not_kept(client, inbox, receiver):
    from headrace.pipeline.inbox import _KEPT_HEADERS

    assert not {"authorization", "cookie", "x-secret"} & set(_KEPT_HEADERS)


async def test_a_senders_trace_is_kept_only_if_it_is_one(client, inbox):
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await post(client, traceparent=trace)
    await post(client, traceparent="00-evil\tinjection-x-y")
    kept, made = [delivery.traceparent for delivery in inbox.deliveries]
    assert kept == trace
    assert made != trace
    assert "evil" not in made


async def test_draining_finishes_what_has_begun_and_refuses_the_rest(client, inbox, receiver):
    inbox.gate = asyncio.Event()
    begun = asyncio.create_task(post(client))
    while receiver._in_flight == 0:
        await asyncio.sleep(0)
    draining = asyncio.create_task(receiver.drain(5))
    await asyncio.sleep(0)
    assert (await post(client)).status_code == 503
    inbox.gate.set()
    assert (await begun).status_code == 202
    await draining
