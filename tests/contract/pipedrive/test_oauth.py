"""The inherited suites with OAuth in place of the API token, and what only OAuth has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from prometheus_client import generate_latest

from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.oauth import TokenEndpoint
from headrace.core.contracts import Connection, Surroundings
from headrace.core.errors import ConfigurationError, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.platform.oauth import Tokens, stored_name
from headrace.platform.settings import checked
from headrace.testing.harness import Changed, source_of
from headrace.testing.secrets import MemorySecrets
from headrace.testing.serving import receiver
from headrace.testing.suites import SourceSuite, TargetSuite
from headrace.testing.waiting import eventually
from tests.contract.pipedrive.harness import HOOK, MARKER, RELAY_SECRET, PipedriveHarness
from tests.contract.pipedrive.harness import harness as running

CLIENT, CLIENT_SECRET = "canary-app", "canary-client-secret"
REDIRECT = "https://headrace.example.com/pipedrive"
NAME = stored_name("under-test")
REF = Ref("organization", "99999")


class OAuthHarness(PipedriveHarness):
    """An account whose app exchanges refresh tokens, as the strictest server would."""

    sign_in_path = "^/oauth/token"
    canaries = (CLIENT_SECRET, HOOK["password"], RELAY_SECRET)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.store = MemorySecrets()
        self.sandbox.settings.change({"rotate_refresh_token": True})
        self.sandbox.seed({"oauth_clients": [{"client_id": CLIENT, "client_secret": CLIENT_SECRET}], "quiet": True})

    def config(self, **changes: Any) -> PipedriveConfig:
        app = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT, "url": self._url}
        values: dict[str, Any] = {
            "base_url": self._url,
            "oauth": app | changes.pop("oauth", {}),
            "webhook": {**HOOK, "secret": RELAY_SECRET},
            "markers": dict.fromkeys(("organization", "person", "product"), MARKER),
        }
        return checked(PipedriveConfig, values | changes, "under-test")

    def open(self, changed: Changed) -> Connection:
        values: dict[str, Any] = {}
        store = self.store
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        if changed.credential or changed.address:
            other = replace(self.tokens(), issued_at=time.time(), expires_at=time.time() + 3600, api_domain="")
            if changed.credential:
                other = replace(other, access_token=changed.credential, refresh_token=changed.credential)
            store = MemorySecrets({NAME: other.dump()})
            values["base_url"] = changed.address or self._url
        return CONNECTOR.open("under-test", self.config(**values), Surroundings(secrets=store))

    def tokens(self) -> Tokens:
        stored = self.store.stored(NAME)
        assert stored is not None
        return Tokens.load(stored.value)

    def expire_tokens(self) -> None:
        self.sandbox.clock.advance(2 * 3600)

    async def secrets(self, connection: Connection) -> Sequence[str]:
        tokens = self.tokens()
        return (*self.canaries, tokens.access_token, tokens.refresh_token)

    async def authorize(self) -> None:
        """Let a user authorize the app, and store tokens whose access token has ended."""
        endpoint = TokenEndpoint("under-test", self.config())
        try:
            sent = await self._people.get(endpoint.authorize_url("state"))
            (code,) = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
            tokens = await endpoint.redeem_code(code)
        finally:
            await endpoint.close()
        self.store.put(NAME, replace(tokens, expires_at=tokens.issued_at).dump())


@asynccontextmanager
async def authorized(folder: Path) -> AsyncIterator[OAuthHarness]:
    async with running(folder, OAuthHarness) as found:
        await found.authorize()
        yield found


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[OAuthHarness]:
    async with authorized(tmp_path) as found:
        yield found


class TestReading(SourceSuite):
    not_applicable: ClassVar = {
        "any_key_is_read": "Pipedrive gives whole numbers as ids; nobody chooses them",
        "foreign_link_is_refused": "pages are asked for by an opaque cursor in the query; no answer holds a link",
    }


class TestWriting(TargetSuite):
    not_applicable: ClassVar = {
        "natural_key_duplicate_is_already_there": "Pipedrive keeps no field of a record unique",
    }


async def read(connection: Connection) -> None:
    assert await source_of(connection).fetch(REF) is None


async def test_the_refresh_token_that_comes_back_is_kept(harness: OAuthHarness) -> None:
    before = harness.tokens()
    await read(harness.connect())
    after = harness.tokens()
    assert after.refresh_token != before.refresh_token
    assert after.api_domain == harness._url
    assert 3500 < after.seconds_left() < 3600
    assert 'headrace_token_left_seconds{connection="under-test"} 35' in generate_latest().decode()
    await read(harness.connect())
    assert harness.sign_ins() == 2, "the code and one renewal: a token that lives is shared"


async def test_many_calls_share_one_renewal(harness: OAuthHarness) -> None:
    before, connection = harness.sign_ins(), harness.connect()
    await asyncio.gather(*(read(connection) for _ in range(20)))
    assert harness.sign_ins() == before + 1


async def test_a_caller_that_is_cancelled_does_not_take_the_new_tokens_with_it(harness: OAuthHarness) -> None:
    before, connection = harness.tokens(), harness.connect()
    harness.fault("delay", path="^/oauth/token", seconds=0.3)
    call = asyncio.create_task(read(connection))
    tokens = connection.client._oauth._tokens  # type: ignore[attr-defined]
    await eventually(lambda: tokens._exchanging)
    renewal = tokens._renewal
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert not renewal.done()
    await connection.close()
    assert harness.tokens().refresh_token != before.refresh_token
    await read(harness.connect())


async def test_closing_does_not_wait_for_the_renewal_of_another_process(harness: OAuthHarness) -> None:
    begun, connection = asyncio.Event(), harness.connect()

    async def elsewhere(old: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        return old

    other = asyncio.create_task(harness.store.replace(NAME, 1, elsewhere))
    await begun.wait()
    call = asyncio.create_task(read(connection))
    tokens = connection.client._oauth._tokens  # type: ignore[attr-defined]
    await eventually(lambda: tokens._renewal is not None)
    await connection.close()
    other.cancel()
    await asyncio.gather(call, other, return_exceptions=True)
    assert tokens._renewal.cancelled()


async def test_a_token_that_still_lives_is_used_while_the_sign_in_service_is_away(harness: OAuthHarness) -> None:
    await read(harness.connect())
    tokens = harness.tokens()
    harness.store.put(NAME, replace(tokens, issued_at=time.time() - 3540, expires_at=time.time() + 60).dump())
    harness.fault("status", path="^/oauth/token", status=503, times=None)
    before, connection = harness.sign_ins(), harness.connect()
    for _ in range(3):
        await read(connection)
    assert harness.sign_ins() == before + 1, "it is not asked again with each call"
    harness.store.put(NAME, replace(tokens, expires_at=time.time() - 1).dump())
    with pytest.raises(RetryLater, match="503"):
        await read(connection)


async def test_a_refused_refresh_token_needs_a_human(harness: OAuthHarness) -> None:
    harness.store.put(NAME, replace(harness.tokens(), refresh_token="used-up-already").dump())
    with pytest.raises(StopConnection, match="headrace pipedrive authorize under-test"):
        await read(harness.connect())
    checks = {check.name: check for check in await harness.connect().ping()}
    assert "headrace pipedrive authorize under-test" in checks["sign-in"].remedy


async def test_without_tokens_it_says_how_to_get_them(harness: OAuthHarness) -> None:
    connection = harness.keep(CONNECTOR.open("under-test", harness.config(), Surroundings(secrets=MemorySecrets())))
    with pytest.raises(StopConnection, match="headrace pipedrive authorize under-test"):
        await read(connection)
    with pytest.raises(ConfigurationError, match=r"credentials\.keys"):
        CONNECTOR.open("under-test", harness.config())


async def test_a_refused_app_is_told_from_a_refused_token(harness: OAuthHarness) -> None:
    wrong = harness.config(oauth={"client_secret": "canary-of-a-wrong-secret"})
    connection = harness.keep(CONNECTOR.open("under-test", wrong, Surroundings(secrets=harness.store)))
    with pytest.raises(StopConnection, match=r"oauth\.client_secret") as caught:
        await read(connection)
    assert "canary" not in str(caught.value)
    await read(harness.connect())


@pytest.mark.parametrize("answer", [{}, [], {"access_token": "a b", "refresh_token": "r"}, {"access_token": 7}])
async def test_an_answer_that_cannot_be_used_is_not_stored(harness: OAuthHarness, answer: Any) -> None:
    before = harness.tokens()
    harness.fault("status", path="^/oauth/token", status=200, body=answer)
    with pytest.raises(RetryLater, match="answered with 200"):
        await read(harness.connect())
    assert harness.tokens() == before


async def test_a_lost_answer_is_asked_for_again(harness: OAuthHarness) -> None:
    """A server that keeps refresh tokens, as Pipedrive's documentation says, takes the old one again."""
    harness.sandbox.settings.change({"rotate_refresh_token": False})
    harness.fault("drop_reply", path="^/oauth/token")
    with pytest.raises(RetryLater):
        await read(harness.connect())
    await read(harness.connect())


@pytest.mark.parametrize(
    "domain",
    [
        "https://evil.example.com",
        "https://pipedrive.com.evil.example",
        "https://evilpipedrive.com",
        "http://acme.pipedrive.com",
        "https://acme.pipedrive.com:8443",
        "https://user@acme.pipedrive.com",
        "https://acme.pipedrive.com/api",
        "no address",
    ],
)
async def test_a_token_is_never_taken_elsewhere(harness: OAuthHarness, domain: str) -> None:
    await read(harness.connect())
    harness.store.put(NAME, replace(harness.tokens(), api_domain=domain).dump())
    with pytest.raises(StopConnection, match="neither at pipedrive"):
        await read(harness.connect())


async def test_a_foreign_host_is_not_called(harness: OAuthHarness) -> None:
    await read(harness.connect())
    async with receiver() as foreign:
        address = f"http://localhost:{urlsplit(foreign.url).port}"
        harness.store.put(NAME, replace(harness.tokens(), api_domain=address).dump())
        with pytest.raises(StopConnection):
            await read(harness.connect())
        assert foreign.requests == []


async def test_the_account_has_an_address_of_its_own(harness: OAuthHarness) -> None:
    connection = harness.connect()
    tokens = replace(harness.tokens(), api_domain="https://acme.pipedrive.com", expires_at=time.time() + 3600)
    harness.store.put(NAME, tokens.dump())
    headers = await connection.client._headers()  # type: ignore[attr-defined]
    assert connection.client._http.base_url == httpx.URL("https://acme.pipedrive.com")  # type: ignore[attr-defined]
    assert headers["authorization"] == f"Bearer {tokens.access_token}"
