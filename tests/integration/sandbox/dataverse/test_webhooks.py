"""Webhooks: registration through the Web API, what is sent, when it is sent again, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.dataverse.installation import ORGANIZATION_ID
from headrace.testing.serving import serve
from headrace.testing.waiting import eventually
from tests.integration.sandbox.dataverse.server import API, control, error_of, ledger_of, new, read, settings

CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


class Receiver:
    """Takes webhooks in; answers with the next of `statuses`, then with 200; 0 stays silent."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, str], Any]] = []
        self.statuses: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])
        self.url = ""

    async def _take(self, request: Request) -> Response:
        self.requests.append((dict(request.headers), dict(request.query_params), await request.json()))
        status = self.statuses.pop(0) if self.statuses else 200
        if not status:
            await asyncio.sleep(60)
        return Response(status_code=status or 200)

    async def bodies(self, count: int) -> list[Any]:
        await eventually(lambda: len(self.requests) >= count)
        assert len(self.requests) == count
        return [body for _, _, body in self.requests]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with serve(found.app) as served:
        found.url = f"{served.url}/hook"
        yield found


async def subscribe(
    client: httpx.AsyncClient,
    url: str,
    message: str,
    table: str,
    *,
    endpoint: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    """Register a step as the vendor's page says, and return its id."""
    await settings(client, retry_time_scale=0.001)
    where = f"sdkmessageid/name eq '{message}' and primaryobjecttypecode eq '{table}'"
    (found,) = (await read(client, "sdkmessagefilters", **{"$filter": where}))["value"]
    hook = {"name": "headrace", "url": url, "contract": 8, "authtype": 4, "authvalue": "k3y", **(endpoint or {})}
    made = await new(client, "serviceendpoints", connectionmode=1, **hook)
    step = {
        "name": f"headrace {message} {table}",
        "mode": 1,
        "stage": 40,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({made})",
        "sdkmessageid@odata.bind": f"/sdkmessages({found['_sdkmessageid_value']})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({found['sdkmessagefilterid']})",
    }
    return await new(client, "sdkmessageprocessingsteps", **step | more)


def attributes(body: Any) -> dict[str, Any]:
    (target,) = [each["value"] for each in body["InputParameters"] if each["key"] == "Target"]
    assert target["__type"] == f"Entity:{CONTRACTS}"
    return {each["key"]: each["value"] for each in target["Attributes"]}


async def test_what_a_create_tells(sandbox: httpx.AsyncClient, receiver: Receiver):
    step = await subscribe(sandbox, receiver.url, "Create", "opportunity")
    account = await new(sandbox, "accounts", name="Contoso")
    opportunity = await new(
        sandbox,
        "opportunities",
        name="Deal",
        new_documenttotal=12.5,
        new_documentdate="2026-01-31",
        **{"customerid_account@odata.bind": f"/accounts({account})"},
    )
    (body,) = await receiver.bodies(1)
    headers, query, _ = receiver.requests[0]
    assert query == {"code": "k3y"}
    expected = {
        "x-ms-dynamics-organization": "orgsandbox.crm4.dynamics.com",
        "x-ms-dynamics-entity-name": "opportunity",
        "x-ms-dynamics-request-name": "Create",
        "x-ms-correlation-request-id": body["CorrelationId"],
    }
    assert expected.items() <= headers.items()
    assert headers["x-request-id"]
    assert (body["MessageName"], body["PrimaryEntityName"], body["PrimaryEntityId"]) == (
        "Create",
        "opportunity",
        opportunity,
    )
    assert (body["Mode"], body["Stage"], body["Depth"], body["OrganizationId"]) == (1, 40, 1, ORGANIZATION_ID)
    assert body["OwningExtension"]["Id"] == step
    values = attributes(body)
    assert values["name"] == "Deal"
    assert values["new_documenttotal"] == {"__type": f"Money:{CONTRACTS}", "Value": 12.5}
    assert values["statecode"] == {"__type": f"OptionSetValue:{CONTRACTS}", "Value": 0}
    assert (values["customerid"]["LogicalName"], values["customerid"]["Id"]) == ("account", account)
    midnight = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp() * 1000)
    assert values["new_documentdate"] == f"/Date({midnight})/"
    assert values["createdon"].startswith("/Date(")
    assert body["OutputParameters"] == [{"key": "id", "value": opportunity}]
    assert body["ParentContext"]["Stage"] == 30
    (image,) = body["PostEntityImages"]
    assert image["key"] == "AsynchronousStepPrimaryName"


async def test_what_an_update_and_a_delete_tell(sandbox: httpx.AsyncClient, receiver: Receiver):
    account = await new(sandbox, "accounts", name="Contoso", fax="1", telephone1="2")
    step = await subscribe(sandbox, receiver.url, "Update", "account", filteringattributes="name,fax")
    image = {"name": "pre", "entityalias": "before", "imagetype": 0, "attributes": "name,fax"}
    bind = {"sdkmessageprocessingstepid@odata.bind": f"/sdkmessageprocessingsteps({step})"}
    await new(sandbox, "sdkmessageprocessingstepimages", **image, **bind)
    await sandbox.patch(f"{API}accounts({account})", json={"telephone1": "3"})
    await sandbox.patch(f"{API}accounts({account})", json={"name": "Fabrikam", "fax": None})
    (body,) = await receiver.bodies(1)
    values = attributes(body)
    assert values.keys() == {"name", "fax", "accountid", "modifiedon", "modifiedby"}
    assert (values["name"], values["fax"]) == ("Fabrikam", None)
    (before,) = body["PreEntityImages"]
    held = {each["key"]: each["value"] for each in before["value"]["Attributes"]}
    assert (before["key"], held["name"], held["fax"]) == ("before", "Contoso", "1")
    await subscribe(sandbox, receiver.url, "Delete", "account")
    await sandbox.delete(f"{API}accounts({account})")
    (_, gone) = await receiver.bodies(2)
    target = gone["InputParameters"][0]["value"]
    assert (target["__type"], target["Id"]) == (f"EntityReference:{CONTRACTS}", account)


async def test_large_payloads_lose_their_data(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver.url, "Create", "annotation")
    note = await new(sandbox, "annotations", subject="s", notetext="x" * 100_000, documentbody="AAAA" * 50_000)
    (body,) = await receiver.bodies(1)
    assert "x-ms-dynamics-msg-size-exceeded" in receiver.requests[0][0]
    assert not {"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"} & set(body)
    assert (body["PrimaryEntityName"], body["PrimaryEntityId"]) == ("annotation", note)


@pytest.mark.parametrize("kind", [5, 6])
async def test_values_of_the_authentication(sandbox: httpx.AsyncClient, receiver: Receiver, kind: int):
    value = '<settings><setting name="x-key" value="k3y"/></settings>'
    endpoint = {"authtype": kind, "authvalue": value}
    await subscribe(sandbox, receiver.url, "Create", "account", endpoint=endpoint)
    await new(sandbox, "accounts", name="x")
    await receiver.bodies(1)
    headers, query, _ = receiver.requests[0]
    assert (headers if kind == 5 else query)["x-key"] == "k3y"


@pytest.mark.parametrize(("statuses", "attempts"), [([503, 200], 2), ([502, 504], 2), ([500], 1), ([429], 1)])
async def test_one_more_attempt_for_the_network_alone(
    sandbox: httpx.AsyncClient, receiver: Receiver, statuses: list[int], attempts: int
):
    receiver.statuses = list(statuses)
    step = await subscribe(sandbox, receiver.url, "Create", "account")
    account = await new(sandbox, "accounts", name="x")

    async def jobs() -> list[dict[str, Any]]:
        where = f"_owningextensionid_value eq {step} and statuscode eq 31"
        return list((await read(sandbox, "asyncoperations", **{"$filter": where}))["value"])

    await receiver.bodies(attempts)
    if statuses[-1] == 200:

        async def delivered() -> bool:
            log = (await sandbox.get("/_sandbox/deliveries", params={"state": "delivered"})).json()
            return len(log["deliveries"]) == 1

        await eventually(delivered)
        assert await jobs() == []
        return

    async def failed() -> bool:
        return bool(await jobs())

    await eventually(failed)
    (job,) = await jobs()
    assert (job["primaryentitytype"], job["regardingobjectid"]) == ("account", account)
    assert str(statuses[-1]) in job["message"]
    assert len(receiver.requests) == attempts


async def test_silence_is_a_failure(sandbox: httpx.AsyncClient, receiver: Receiver):
    receiver.statuses = [0]
    await subscribe(sandbox, receiver.url, "Create", "account")
    await settings(sandbox, webhook_timeout_seconds=0.2)
    await new(sandbox, "accounts", name="x")

    async def failed() -> bool:
        log = (await sandbox.get("/_sandbox/deliveries", params={"state": "failed"})).json()
        return [each["error"] for each in log["deliveries"]] == ["ReadTimeout"]

    await eventually(failed)
    assert len(receiver.requests) == 1


async def test_synchronous_steps_decide(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver.url, "Create", "account", mode=0)
    receiver.statuses = [200, 500]
    account = await new(sandbox, "accounts", name="agreed")
    refused = await sandbox.post(f"{API}accounts", json={"name": "refused"})
    assert error_of(refused) == (400, "0x80040265")
    first, second = await receiver.bodies(2)
    assert (first["PrimaryEntityId"], first["Mode"], first["IsInTransaction"]) == (account, 0, True)
    assert [entry["after"]["name"] for entry in await ledger_of(sandbox, "account")] == ["agreed"]
    assert second["PrimaryEntityId"] != account
    column = {"@odata.type": "Microsoft.Dynamics.CRM.MemoAttributeMetadata", "SchemaName": "new_Remark"}
    columns = f"{API}EntityDefinitions(LogicalName='account')/Attributes"
    assert (await sandbox.post(columns, json=column)).status_code == 204


async def test_a_refused_change_tells_nobody(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver.url, "Create", "account")
    kind = "Microsoft.Dynamics.CRM.account"
    targets = [{"@odata.type": kind, "name": "x"}, {"@odata.type": kind, "nmae": "x"}]
    answer = await sandbox.post(f"{API}accounts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": targets})
    assert answer.status_code == 400
    await new(sandbox, "accounts", name="y")
    (body,) = await receiver.bodies(1)
    assert attributes(body)["name"] == "y"


async def test_steps_are_disabled_and_removed(sandbox: httpx.AsyncClient, receiver: Receiver):
    step = await subscribe(sandbox, receiver.url, "Create", "account")
    path = f"{API}sdkmessageprocessingsteps({step})"
    assert (await sandbox.patch(path, json={"statecode": 1, "statuscode": 2})).status_code == 204
    await new(sandbox, "accounts", name="unheard")
    assert (await sandbox.patch(path, json={"statecode": 0, "statuscode": 1})).status_code == 204
    await new(sandbox, "accounts", name="heard")
    (body,) = await receiver.bodies(1)
    assert attributes(body)["name"] == "heard"
    assert (await sandbox.delete(path)).status_code == 204


async def test_ports_and_columns_are_checked(sandbox: httpx.AsyncClient, receiver: Receiver):
    await settings(sandbox, webhook_ports="80_443")
    hook = {"name": "h", "contract": 8, "authtype": 4, "authvalue": "k"}
    for url, status in ((receiver.url, 400), ("https://h.example.com/x", 204), ("https://h.example.com:8443/x", 400)):
        assert (await sandbox.post(f"{API}serviceendpoints", json={**hook, "url": url})).status_code == status
    await settings(sandbox, webhook_ports="any")
    with pytest.raises(AssertionError, match="not columns of the table"):
        await subscribe(sandbox, receiver.url, "Update", "account", filteringattributes="nmae")


async def test_what_networks_do(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver.url, "Create", "account")
    await control(sandbox, "POST", "webhooks", {"duplicate_next": 1})
    await new(sandbox, "accounts", name="twice")
    first, second = await receiver.bodies(2)
    assert first == second
    await control(sandbox, "POST", "webhooks", {"reorder_next": 2})
    for name in ("third", "fourth"):
        await new(sandbox, "accounts", name=name)
    assert [attributes(body)["name"] for body in (await receiver.bodies(4))[2:]] == ["fourth", "third"]
    await control(sandbox, "POST", "webhooks", {"drop_next": 1})
    await new(sandbox, "accounts", name="lost")
    await control(sandbox, "POST", "seed", {"quiet": True, "records": {"account": [{"name": "quiet"}]}})
    await control(sandbox, "POST", "seed", {"records": {"account": [{"name": "told"}]}})
    assert attributes((await receiver.bodies(5))[4])["name"] == "told"
