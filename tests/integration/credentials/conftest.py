"""A Pipedrive sandbox, a deployment's settings with OAuth, and the command line as real processes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.oauth import TokenEndpoint
from headrace.pipeline.shared import Shared
from headrace.platform.credentials import CredentialStore
from headrace.platform.kafka import read_all
from headrace.platform.local_process import free_port
from headrace.platform.oauth import Tokens, stored_name
from headrace.platform.paths import project_root
from headrace.platform.secrets import Reference, StoredName
from headrace.platform.settings import KafkaSettings, Settings, checked, load_settings
from headrace.platform.topics import apply, declared
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.pipedrive.app import create_app
from headrace.testing.serving import serve

CLIENT, CLIENT_SECRET = "app-of-the-test", "canary-client-secret-88e1"
NAME = stored_name("crm")


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class World:
    """One deployment; everything that its processes say is kept, and searched for secrets at the end."""

    kafka: KafkaSettings
    folder: Path
    sandbox: Sandbox
    url: str
    keys: list[str] = field(default_factory=lambda: [new_key()])
    connection: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    canaries: set[str] = field(default_factory=lambda: {CLIENT_SECRET})
    shared: Shared | None = None

    def __post_init__(self) -> None:
        self.redirect = f"http://127.0.0.1:{free_port()}/pipedrive"
        secret = Reference([StoredName("crm-app")])
        app = {"client_id": CLIENT, "client_secret": secret, "redirect_uri": self.redirect, "url": self.url}
        self.connection = {"base_url": self.url, "oauth": app}
        self.canaries |= set(self.keys)

    # --- processes ---

    async def begin(self, *arguments: str, crash_at: str = "") -> Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headrace.cli.main", *arguments,
            stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._environment(crash_at), cwd=self.folder,
        )  # fmt: skip

    async def end(self, process: Process, given: str = "", before: str = "") -> Ended:
        """Wait for a command; `before` is what was read of its output already."""
        out, err = await process.communicate(given.encode())
        ended = Ended(process.returncode or 0, before + out.decode(), err.decode())
        self.said += [ended.out, ended.err]
        return ended

    async def run(self, *arguments: str, given: str = "", crash_at: str = "") -> Ended:
        """Run a command to its end."""
        return await self.end(await self.begin(*arguments, crash_at=crash_at), given)

    async def works(self, *arguments: str, given: str = "") -> Ended:
        """Run a command that must succeed."""
        ended = await self.run(*arguments, given=given)
        assert ended.code == 0, (arguments, ended)
        return ended

    async def authorize(self, *options: str) -> Ended:
        """Run `headrace pipedrive authorize crm`, and be the user who agrees."""
        process = await self.begin("pipedrive", "authorize", "crm", *options)
        assert process.stdout is not None
        before = ""
        while "Waiting at" not in before:
            line = (await process.stdout.readline()).decode()
            if not line:
                return await self.end(process, before=before)
            before += line
        address = next(line for line in before.splitlines() if line.startswith(self.url))
        async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as browser:
            strange = await browser.get(f"{self.redirect}?code=stolen&state=another")
            assert strange.status_code == 400
            shown = await browser.get(address)
        self.said.append(shown.text)
        ended = await self.end(process, before=before)
        if ended.code == 0:
            await self.tokens()
        return ended

    def sign_ins(self) -> int:
        """How often the token endpoint was asked."""
        return sum(entry["path"] == "/oauth/token" for entry in self.sandbox.requests.entries())

    # --- the store, seen by the test's own process ---

    @property
    def store(self) -> CredentialStore:
        assert self.shared is not None
        assert self.shared.credentials is not None
        return self.shared.credentials

    async def tokens(self) -> Tokens:
        """The tokens that are stored."""
        await self.store._catch_up()
        tokens = Tokens.load(self.store.lookup(NAME))
        self.canaries |= {tokens.access_token, tokens.refresh_token}
        return tokens

    async def agreed(self) -> None:
        """Store tokens that a user's agreement gave; the access token has ended."""
        endpoint = TokenEndpoint("crm", checked(PipedriveConfig, self.connection, "crm", self.store.lookup))
        try:
            async with httpx.AsyncClient(trust_env=False) as browser:
                sent = await browser.get(endpoint.authorize_url("state"))
            tokens = await endpoint.redeem_code(parse_qs(urlsplit(sent.headers["location"]).query)["code"][0])
        finally:
            await endpoint.close()
        await self.store.put(NAME, tokens.dump(), "test")
        await self.end_of_access_token()

    async def end_of_access_token(self) -> None:
        """Let everybody believe that the access token has ended."""
        tokens = await self.tokens()
        await self.store.put(NAME, replace(tokens, expires_at=tokens.issued_at).dump(), "test")

    def settings(self) -> Settings:
        return load_settings(self.configured(), self._environment(""))

    async def on_kafka(self) -> str:
        """Everything that lies in the deployment's topics, as far as it is text."""
        topics = [topic.name for topic in declared(self.settings())]
        texts = [(message.value or b"").decode("latin-1") async for message in read_all(self.kafka, topics)]
        return "\n".join(texts)

    def configured(self) -> Path:
        """Write the settings."""
        path = self.folder / "headrace.yaml"
        settings = {
            "kafka": self.kafka.model_dump(mode="json", exclude_defaults=True),
            "credentials": {"keys": [f"${{KEY_{number}}}" for number in range(len(self.keys))], "lease_seconds": 2},
            "state_dir": str(self.folder / "state"),
            "connections": {"crm": {"system": "pipedrive", "target": False, "config": self.connection}},
        }
        path.write_text(json.dumps(settings), encoding="utf-8")  # which is YAML too
        return path

    def _environment(self, crash_at: str) -> dict[str, str]:
        keys = {f"KEY_{number}": key for number, key in enumerate(self.keys)}
        named = {"HEADRACE_CONFIG": str(self.configured()), "HEADRACE_ROOT": str(project_root())}
        return {**os.environ, **keys, **named, "HEADRACE_CRASH_AT": crash_at, "COLUMNS": "400"}


def killed(ended: Ended) -> bool:
    return ended.code == -signal.SIGKILL


@pytest.fixture
async def world(kafka: KafkaSettings, tmp_path: Path) -> AsyncIterator[World]:
    """A deployment with its topics, its app's secret stored, and nothing authorized yet."""
    application = create_app(tmp_path / "sandbox")
    sandbox: Sandbox = application.state.sandbox
    sandbox.settings.change({"rotate_refresh_token": True})
    sandbox.seed({"oauth_clients": [{"client_id": CLIENT, "client_secret": CLIENT_SECRET}], "quiet": True})
    async with serve(application) as served:
        found = World(kafka, tmp_path, sandbox, served.url)
        await apply(kafka, declared(found.settings()))
        found.shared = Shared(found.settings(), "test")
        await found.shared.start(links=False)
        await found.store.put("crm-app", CLIENT_SECRET, "test")
        yield found
        await found.shared.stop()
        held = await found.on_kafka()
        ledger = json.dumps([*sandbox.requests.entries(), *sandbox.ledger.entries(0, limit=100_000)], default=str)
        shown = {canary: text for canary in found.canaries for text in [*found.said, held, ledger] if canary in text}
        assert not shown, f"a secret shows: {shown}"
