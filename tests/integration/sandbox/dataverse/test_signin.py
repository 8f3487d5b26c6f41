"""Sign-in: application users, audience, security roles."""

import asyncio
from pathlib import Path

import httpx
import msal
import pytest
import requests

from headrace.sandbox.dataverse.installation import CLIENT_ID, CLIENT_SECRET, ORGANIZATION_ID, TENANT_NAME
from headrace.sandbox.dataverse.security import INTEGRATION_ROLE
from tests.integration.sandbox.dataverse.server import (
    API,
    control,
    error_of,
    ledger_of,
    new,
    read,
    running,
    sign_in,
    token_for,
)


async def test_who_am_i(sandbox: httpx.AsyncClient):
    for path in ("WhoAmI()", "WhoAmI"):
        me = await read(sandbox, path)
        assert me["OrganizationId"] == ORGANIZATION_ID
        user = await read(sandbox, f"systemusers({me['UserId']})", **{"$select": "applicationid,fullname"})
        assert (user["applicationid"], user["fullname"]) == (CLIENT_ID, "# Headrace")


async def test_msal_signs_in_over_tls(tmp_path: Path):
    async with running(tmp_path, tls=True) as server:

        def acquire() -> dict[str, object]:
            with requests.Session() as session:
                session.verify = str(server.authority_file)
                session.trust_env = False
                application = msal.ConfidentialClientApplication(
                    CLIENT_ID,
                    authority=f"{server.url}/{TENANT_NAME}",
                    client_credential=CLIENT_SECRET,
                    instance_discovery=False,
                    http_client=session,
                )
                return application.acquire_token_for_client(scopes=[f"{server.url}/.default"])

        result = await asyncio.to_thread(acquire)
    assert result.get("token_type") == "Bearer", result


async def test_without_a_good_token(sandbox: httpx.AsyncClient):
    origin = str(sandbox.base_url).rstrip("/")
    other = (await token_for(sandbox, origin, scope="https://other.crm.dynamics.com/.default")).json()["access_token"]
    for authorization in ("", "Bearer nonsense", f"Bearer {other}"):
        response = await sandbox.get(f"{API}WhoAmI()", headers={"authorization": authorization})
        assert (response.status_code, response.content) == (401, b"")
        assert response.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 3600})
    assert (await sandbox.get(f"{API}WhoAmI()")).status_code == 401


async def test_an_application_without_a_user(sandbox: httpx.AsyncClient):
    stranger = {"client_id": "22222222-0000-0000-0000-000000000000", "client_secret": "s"}
    await control(sandbox, "POST", "seed", {"clients": [{**stranger, "user": False}]})
    await sign_in(sandbox, **stranger)
    response = await sandbox.get(f"{API}WhoAmI()")
    assert error_of(response) == (403, "0x80072560")
    assert response.json()["error"]["message"] == "The user is not a member of the organization."


@pytest.mark.parametrize(
    ("privilege", "method", "path", "body"),
    [
        ("prvReadAccount", "GET", "accounts", None),
        ("prvCreateInvoice", "POST", "invoices", {"name": "x"}),
        ("prvReadNote", "GET", "annotations", None),
        ("prvWriteAccount", "PATCH", "accounts({account})", {"name": "x"}),
        ("prvDeleteAccount", "DELETE", "accounts({account})", None),
        ("prvAppendContact", "POST", "contacts", {"parentcustomerid_account@odata.bind": "/accounts({account})"}),
        ("prvAppendToAccount", "POST", "contacts", {"parentcustomerid_account@odata.bind": "/accounts({account})"}),
    ],
)
async def test_a_missing_privilege(sandbox: httpx.AsyncClient, privilege: str, method: str, path: str, body: object):
    account = await new(sandbox, "accounts", name="Contoso")
    await control(sandbox, "POST", f"roles/{INTEGRATION_ROLE}", {"privileges": {privilege: "none"}})
    filled = {name: value.replace("{account}", account) for name, value in body.items()} if body else None
    response = await sandbox.request(method, API + path.replace("{account}", account), json=filled)
    assert error_of(response) == (403, "0x80040220")
    message = response.json()["error"]["message"]
    assert message.startswith("Principal user (Id=")
    assert f"is missing {privilege} privilege (Id=" in message
    await control(sandbox, "POST", f"roles/{INTEGRATION_ROLE}", {"privileges": {privilege: "organization"}})
    assert (await sandbox.request(method, API + path.replace("{account}", account), json=filled)).status_code < 300


async def test_a_right_to_the_users_own_rows(sandbox: httpx.AsyncClient):
    seeded = await control(sandbox, "POST", "seed", {"records": {"account": [{"name": "Theirs"}]}})
    mine, theirs = await new(sandbox, "accounts", name="Mine"), seeded["ids"]["account"][0]
    await control(sandbox, "POST", f"roles/{INTEGRATION_ROLE}", {"privileges": {"prvReadAccount": "user"}})
    assert [row["accountid"] for row in (await read(sandbox, "accounts"))["value"]] == [mine]
    assert error_of(await sandbox.get(f"{API}accounts({theirs})")) == (403, "0x80040220")
    tracked = await sandbox.get(f"{API}accounts", headers={"Prefer": "odata.track-changes"})
    assert error_of(tracked) == (403, "0x80040220")


async def test_in_the_name_of_another_user(sandbox: httpx.AsyncClient):
    other = {"client_id": "33333333-0000-0000-0000-000000000000", "client_secret": "s"}
    person = "44444444-0000-0000-0000-000000000000"
    await control(sandbox, "POST", "seed", {"clients": [{**other, "object_id": person}]})
    created = await sandbox.post(f"{API}accounts", json={"name": "x"}, headers={"CallerObjectId": person})
    assert created.status_code == 204
    user = (await ledger_of(sandbox, "account"))[0]["after"]["createdby"]
    assert user != (await read(sandbox, "WhoAmI()"))["UserId"]


async def test_no_secret_is_remembered(sandbox: httpx.AsyncClient):
    await new(
        sandbox, "serviceendpoints", name="h", url="http://localhost:9/x", contract=8, authtype=4, authvalue="k3y"
    )
    remembered = "".join(
        [
            (await sandbox.get(f"/_sandbox/{name}")).text
            for name in ("requests", "ledger", "records/%23clients", "records/serviceendpoint")
        ]
    )
    assert CLIENT_SECRET not in remembered
    assert "k3y" not in remembered
    assert "authvalue" not in (await read(sandbox, "serviceendpoints"))["value"][0]
