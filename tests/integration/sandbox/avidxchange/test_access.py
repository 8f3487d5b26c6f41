"""The three ways to sign in, who may see what, and the shapes of refusals."""

from pathlib import Path

import httpx
import pytest

from headrace.sandbox.avidxchange.app import COMPANY, CREDENTIALS
from tests.integration.sandbox.avidxchange.server import (
    DEMF,
    HEADERS,
    USMF,
    advance,
    control,
    get,
    running,
    switch,
    today,
    vendor,
)

LIST = "/v1/accountingSystems"
CLIENT = {
    "grant_type": "client_credentials",
    "client_id": CREDENTIALS["client_id"],
    "client_secret": CREDENTIALS["client_secret"],
}
PASSWORD = {"grant_type": "password", "username": CREDENTIALS["username"], "password": CREDENTIALS["password"]}
KEY = {"Authorization": f"Bearer {CREDENTIALS['gateway_key']}"}


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("X-Avid-Company-Token", "wrong", "Invalid company token"),
        ("X-Avid-User-Token", "wrong", "Invalid user token"),
        ("X-Avid-Company-Token", "", "Missing company token"),
        ("X-Avid-User-Token", "", "Missing user token"),
    ],
)
async def test_both_tokens_are_needed(sandbox: httpx.AsyncClient, name: str, value: str, detail: str):
    response = await sandbox.get(LIST, headers={name: value})
    assert response.status_code == 401
    assert response.json() == {"exception": {"reason": "Unauthorized", "detail": detail}}


async def test_a_refusal_has_the_shape_of_its_maker(sandbox: httpx.AsyncClient):
    bad = {"X-Avid-User-Token": "wrong"}
    await switch(sandbox, error_shape="flat")
    flat = (await sandbox.get(LIST, headers=bad)).json()
    assert len(flat.pop("avidMessageId")) == 36
    assert flat == {"detail": "Invalid user token", "reason": "Unauthorized", "source": "AvidConnect"}
    await switch(sandbox, unauthorized_body="gateway_fault")
    fault = (await sandbox.get(LIST, headers=bad)).json()
    assert fault["fault"] == {
        "code": 900901,
        "message": "Invalid Credentials",
        "description": "Invalid user token",
    }
    await switch(sandbox, unauthorized_body="gateway_flat")
    missing = (await sandbox.get(LIST, headers={"X-Avid-User-Token": ""})).json()
    assert missing == {"code": "900902", "message": "Missing Credentials", "description": "Missing user token"}
    assert (await sandbox.get("/v1/nothing")).json()["reason"] == "NotFound"


async def test_another_companys_data_is_forbidden(sandbox: httpx.AsyncClient):
    other = {"id": "fabrikam", "company_token": "ct_2", "user_token": "ut_2"}
    await control(
        sandbox,
        "seed",
        {
            "companies": [other],
            "accounting_systems": [{"ID": 5000, "Name": "F&O FRST", "company": "fabrikam"}],
            "payments": [
                {
                    "accounting_system": 5000,
                    "VendorExternalSystemID": "V1",
                    "Remittances": [{"Number": "A", "Date": "2026-01-01", "Gross": 1}],
                }
            ],
        },
    )
    assert (await sandbox.get("/v1/vendors", params={"accountingSystemId": 5000})).status_code == 403
    assert (await sandbox.get("/v1/vendors", params={"accountingSystemId": 5001})).status_code == 404
    assert (await sandbox.get(LIST, headers={"X-Avid-Company-Token": "ct_2"})).status_code == 403
    theirs = {"X-Avid-Company-Token": "ct_2", "X-Avid-User-Token": "ut_2"}
    found = (await sandbox.get(LIST, headers=theirs)).json()["Items"]
    assert [each["ID"] for each in found] == [5000]
    (number,) = [each["data"]["PaymentId"] for each in (await get(sandbox, "/_sandbox/records/payments"))["records"]]
    assert (await get(sandbox, "/v1/payments", paymentIds=number))["Items"] == []
    assert (await sandbox.get(f"/v1/payments/{number}/paymenthistory")).status_code == 403
    assert (await sandbox.get(f"/v1/payments/{number}/paymenthistory", headers=theirs)).status_code == 200


async def test_client_credentials(tmp_path: Path):
    async with running(tmp_path, auth_profile="partner_oauth", access_token_seconds=60) as client:
        refused = await client.post("/oauth2/token", data={**CLIENT, "client_secret": "wrong"})
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        answer = (await client.post("/oauth2/token", data=CLIENT)).json()
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 60)
        headers = {"Authorization": f"Bearer {answer['access_token']}", "X-Avid-Company-Id": COMPANY}
        assert (await client.get(LIST, headers=headers)).status_code == 200
        assert (await client.get(LIST, headers={**headers, "X-Avid-Company-Id": "fabrikam"})).status_code == 403
        assert (await client.get(LIST, headers=HEADERS)).status_code == 401
        basic = httpx.BasicAuth(CLIENT["client_id"], CLIENT["client_secret"])
        second = await client.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=basic)
        assert second.status_code == 200
        await advance(client, 60)
        assert (await client.get(LIST, headers=headers)).status_code == 401


async def test_authorizations_behind_a_gateway_key(tmp_path: Path):
    async with running(tmp_path, auth_profile="avidsuite_v1") as client:
        assert (await client.post("/v1/authorizations", data=PASSWORD)).status_code == 401
        wrong = await client.post("/v1/authorizations", data={**PASSWORD, "password": "no"}, headers=KEY)
        assert (wrong.status_code, list(wrong.json())) == (400, ["error_description"])
        token = (await client.post("/v1/authorizations", data=PASSWORD, headers=KEY)).json()["access_token"]
        user = {"AvidAuthorization": f"Bearer {token}"}
        assert (await client.get(LIST, headers={**KEY, **user})).status_code == 200
        assert (await client.get(LIST, headers=KEY)).status_code == 401
        assert (await client.get(LIST, headers=user)).status_code == 401
        await control(client, "expire_tokens", {})
        assert (await client.get(LIST, headers={**KEY, **user})).status_code == 401


async def test_an_unavailable_sign_in_repeats_what_was_sent(tmp_path: Path):
    async with running(tmp_path, auth_profile="avidsuite_v1", authorizations_unavailable=True) as client:
        response = await client.post("/v1/authorizations", data=PASSWORD, headers=KEY)
        assert response.status_code == 503
        assert CREDENTIALS["password"] in response.text
        kept = [(await client.get(f"/_sandbox/{path}")).text for path in ("requests", "ledger", "records", "settings")]
        assert not [text for text in kept if CREDENTIALS["password"] in text]


async def test_credentials_and_records_outlive_a_restart(tmp_path: Path):
    for expected in (["V1"], ["V1", "V2"]):
        async with running(tmp_path) as client:
            client.headers.update(HEADERS)
            body = {"AccountingSystemId": DEMF, "Vendors": [vendor(expected[-1])]}
            (await client.post("/v1/vendors", json=body)).raise_for_status()
            found = (await get(client, "/v1/vendors", accountingSystemId=DEMF))["Items"]
            # Each start is at noon, so the times of the two do not tell which was first.
            assert {each["VendorExternalSystemID"]: each["VendorID"] for each in found} == {
                name: 90_001 + place for place, name in enumerate(expected)
            }


async def test_reset_returns_to_a_new_sandbox(sandbox: httpx.AsyncClient):
    await control(sandbox, "reset", {})
    assert await get(sandbox, "/_sandbox/records") == {"accountingSystems": 3}
    await switch(sandbox, requests_per_minute=0)
    assert (await get(sandbox, "/v1/vendors", accountingSystemId=USMF))["Items"] == []
    assert await get(sandbox, "/_sandbox/health") == {"status": "ok", "system": "avidxchange"}


async def test_quota_with_and_without_retry_after(tmp_path: Path):
    async with running(tmp_path, requests_per_minute=2) as client:
        client.headers.update(HEADERS)
        statuses = [(await client.get(LIST)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await client.get(LIST)
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json()["code"] == "900800"
        await switch(client, retry_after_seconds=7)
        assert (await client.get(LIST)).headers["retry-after"] == "7"
        await switch(client, retry_after_header=False)
        assert "retry-after" not in (await client.get(LIST)).headers
        await advance(client, 60)
        assert (await client.get(LIST)).status_code == 200
        assert (await today(client)).startswith("20")
