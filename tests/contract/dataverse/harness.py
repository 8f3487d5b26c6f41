"""What the inherited suites must know of Dataverse: accounts, read and written; notes that carry our own id."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headrace.connectors.dataverse import CONNECTOR
from headrace.connectors.dataverse.connection import DataverseConnection
from headrace.connectors.dataverse.guids import made_of
from headrace.core.contracts import Action, Connection, Operation, WebhookRequest
from headrace.platform.settings import checked
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.faults import Kind
from headrace.sandbox.dataverse.app import create_app
from headrace.sandbox.dataverse.installation import MESSAGES, filter_id
from headrace.sandbox.dataverse.tables.webhooks import KEY_AUTHENTICATION, WEBHOOK
from headrace.testing.harness import Changed, SourceHarness, TargetHarness
from headrace.testing.serving import Served, serve

CLIENT = "00000000-0000-0000-0000-0000000c0de2"
SECRET = "canary-client-secret-7f3a"
CODE = "canary-code-that-nobody-guesses"
HEADER, QUERY = "canary-value-of-a-header", "canary-value-of-a-query"
WEBHOOK_VALUES: Mapping[str, Any] = {
    "codes": [CODE],
    "headers": [{"name": "x-relay", "value": HEADER}],
    "queries": [{"name": "relay", "value": QUERY}],
}
SEED: Mapping[str, Any] = {"clients": [{"client_id": CLIENT, "client_secret": SECRET}], "quiet": True}
SCORE = {"name": "new_score", "kind": "decimal"}
HIDDEN = "new_documentnumber"
_CREATES = {"POST": "PATCH"}


class DataverseHarness(SourceHarness, TargetHarness):
    """Accounts of an environment that starts with none."""

    vendor_path = "^/api/data/"
    sign_in_path = "/oauth2/v2.0/token"
    canaries = (SECRET, CODE, HEADER, QUERY)
    source_object = target_object = "account"
    source_text = target_text = "name"
    source_clearable = f"custom.{HIDDEN}"
    target_clearable = "websiteurl"
    target_amount = "custom.new_score"
    absent_record = absent_target = "11111111-2222-3333-4444-555555555555"

    def __init__(self, sandbox: Sandbox, served: Served) -> None:
        super().__init__(sandbox)
        self._served = served

    def open(self, changed: Changed) -> Connection:
        return CONNECTOR.open("under-test", checked(CONNECTOR.config, self._values(changed), "under-test"))

    def expire_tokens(self) -> None:
        self.sandbox.clock.advance(2 * 3600)

    async def secrets(self, connection: Connection) -> Sequence[str]:
        assert isinstance(connection, DataverseConnection)
        return (*self.canaries, await connection.credentials.token())

    def _values(self, changed: Changed) -> dict[str, Any]:
        values: dict[str, Any] = {
            "environment_url": changed.address or self._served.url,
            "resource": self._served.url,
            "tenant_id": "contoso",
            "client_id": CLIENT,
            "client_secret": changed.credential or SECRET,
            "authority": self._served.url,
            "instance_discovery": False,
            "verify": str(self._served.authority_file),
            "webhook": WEBHOOK_VALUES,
        }
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        return values

    # --- somebody else ---

    async def make(self, text: str, key: str = "") -> str:
        return self._records(self.source_object, self._row(text))

    async def change(self, external_id: str, text: str) -> None:
        assert self.sandbox.edit(self.source_object, external_id, {self.source_text: text}) is not None

    def _row(self, text: str) -> dict[str, Any]:
        return {self.source_text: text}

    def _records(self, table: str, row: Mapping[str, Any]) -> str:
        answer = self.sandbox.seed({"records": {table: [row]}})
        return str(answer["ids"][table][0])

    async def hiding(self) -> Connection:
        # A column that the environment does not have.
        await self.control("DELETE", f"/tables/account/columns/{HIDDEN}")
        return self.connect()

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with control_client(self._served) as client:
            answer = await client.request(method, f"/_sandbox{path}", json=body or {})
            answer.raise_for_status()
            return answer.json()

    async def subscribe(self, url: str) -> None:
        endpoint = made_of("endpoint", url)
        row = {"serviceendpointid": endpoint, "name": "headrace", "url": url, "contract": WEBHOOK}
        steps = [
            {
                "name": f"{message} of {self.source_object}",
                "mode": 1,
                "stage": 40,
                "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
                "sdkmessageid@odata.bind": f"/sdkmessages({MESSAGES[message]})",
                "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filter_id(message, self.source_object)})",
            }
            for message in ("Create", "Update", "Delete")
        ]
        endpoints = [{**row, "authtype": KEY_AUTHENTICATION, "authvalue": CODE}]
        self.sandbox.seed({"records": {"serviceendpoint": endpoints, "sdkmessageprocessingstep": steps}})

    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        codes = ["", CODE[:-1], f"{CODE}x", "ü", HEADER]
        headers = ["", HEADER[:-1], CODE, "é" * 8]
        return [
            *(replace(request, query={"code": code}) for code in codes),
            *(replace(request, query={"relay": value}) for value in ("", CODE, HEADER)),
            *(replace(request, query={}, headers={**request.headers, "x-relay": value}) for value in headers),
        ]

    def foreign_page(self, url: str) -> Mapping[str, Any]:
        return {
            "value": [],
            "@odata.nextLink": f"{url}/api/data/v9.2/accounts?$skiptoken=1",
            "@odata.deltaLink": f"{url}/api/data/v9.2/accounts?$deltatoken=1",
        }

    # --- sample operations ---

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"accountnumber": key}
        return self.operation(Action.CREATE, {"name": text, **marker, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("Contoso", "HR-1", **{"custom.new_documentnumber": "9" * 101})

    def with_natural_key(self, key: str) -> Operation:
        own = {"accountid": made_of("account", key)}
        return replace(self.create("Contoso", key, **own), key=own)


class NotesHarness(DataverseHarness):
    """Notes under an id of our own: creates are a PATCH that must meet no row, so what is said of POST holds of it."""

    target_object = "annotation"
    target_text = "subject"
    target_clearable = "notetext"

    def fault(self, kind: Kind, method: str | None = None, *, times: int | None = 1, **more: Any) -> None:
        super().fault(kind, _CREATES.get(method or "", method), times=times, **more)

    def requests(self, *methods: str) -> list[dict[str, Any]]:
        return super().requests(*(_CREATES.get(method, method) for method in methods))

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"annotationid": made_of("note", key)}
        return self.operation(Action.CREATE, {**marker, "subject": text, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 501, "HR-1")

    def with_natural_key(self, key: str) -> Operation:
        return self.create("Contoso", key)


def control_client(served: Served) -> httpx.AsyncClient:
    """Return a client of the control API."""
    trust = ssl.create_default_context(cafile=served.authority_file)
    return httpx.AsyncClient(base_url=served.url, verify=trust, trust_env=False, timeout=10)


Under = TypeVar("Under", bound=DataverseHarness)


@asynccontextmanager
async def harness(data_dir: Path, kind: type[Under]) -> AsyncIterator[Under]:
    """Run an environment and give a harness for it."""
    application = create_app(data_dir)
    sandbox: Sandbox = application.state.sandbox
    sandbox.seed(SEED)
    async with serve(application, data_dir / "tls") as served:
        found = kind(sandbox, served)
        await found.control("POST", "/tables/account/columns", SCORE)
        try:
            yield found
        finally:
            await found.close()
