"""$batch, and the messages for many rows at once."""

import email
import json
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import API, NOBODY, control, error_of, ledger_of, new, read

TYPE = "Microsoft.Dynamics.CRM.account"


def operation(line: str, body: Any = None, content_id: str = "") -> str:
    number = f"Content-ID: {content_id}\r\n" if content_id else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{number}\r\n"
    text = "" if body is None else json.dumps(body)
    return f"{head}{line} HTTP/1.1\r\nContent-Type: application/json; type=entry\r\n\r\n{text}\r\n"


def changeset(*operations: str) -> str:
    inner = "".join(f"--c\r\n{each}\r\n" for each in operations) + "--c--"
    return f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{inner}"


async def send(client: httpx.AsyncClient, *parts: str, prefer: str = "") -> httpx.Response:
    content = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    headers = {"content-type": 'multipart/mixed; boundary="b"', "Prefer": prefer}
    return await client.post(f"{API}$batch", content=content.encode(), headers=headers)


def answers(response: httpx.Response) -> list[Any]:
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    return [*email.message_from_bytes(head + response.content).get_payload()]


async def test_a_change_set_refers_to_what_it_created(sandbox: httpx.AsyncClient):
    parts = changeset(
        operation("POST accounts", {"name": "Contoso"}, "1"),
        operation(
            f"POST {sandbox.base_url}/api/data/v9.2/contacts",
            {"lastname": "Berg", "parentcustomerid_account@odata.bind": "$1"},
            "2",
        ),
        operation("PATCH $1", {"fax": "5"}, "3"),
        operation("PUT $1/primarycontactid/$ref", {"@odata.id": "$2"}, "4"),
    )
    response = await send(sandbox, parts, operation("GET /api/data/v9.2/accounts?$select=fax&$expand=primarycontactid"))
    assert response.status_code == 200, response.text
    done, shown = answers(response)
    assert [part["Content-ID"] for part in done.get_payload()] == ["1", "2", "3", "4"]
    assert "OData-EntityId: " in done.get_payload()[0].get_payload()
    (account,) = json.loads(shown.get_payload().splitlines()[-1])["value"]
    assert (account["fax"], account["primarycontactid"]["lastname"]) == ("5", "Berg")
    bad = await send(sandbox, changeset(operation("PATCH $7", {"fax": "5"}, "1")))
    assert bad.status_code == 400
    assert "Content-ID Reference: '$7' does not exist in the batch context." in bad.text


async def test_a_change_set_is_all_or_nothing(sandbox: httpx.AsyncClient):
    parts = changeset(operation("POST accounts", {"name": "x"}, "1"), operation("POST accounts", {"nmae": "x"}, "2"))
    response = await send(sandbox, operation("POST accounts", {"name": "before"}), parts, operation("GET accounts"))
    assert response.status_code == 400
    first, second = answers(response)
    assert "HTTP/1.1 204" in first.get_payload()
    assert (second["Content-ID"], second.get_content_type()) == ("2", "application/http")
    assert "REQ_ID" in second.get_payload()
    assert [entry["after"]["name"] for entry in await ledger_of(sandbox, "account")] == ["before"]


async def test_going_on_after_an_error(sandbox: httpx.AsyncClient):
    parts = (operation("POST accounts", {"nmae": "x"}), operation("POST accounts", {"name": "x"}))
    response = await send(sandbox, *parts, prefer="odata.continue-on-error")
    assert (response.status_code, response.headers["preference-applied"]) == (200, "odata.continue-on-error")
    assert [
        f"HTTP/1.1 {status}" in part.get_payload() for status, part in zip((400, 204), answers(response), strict=True)
    ]


@pytest.mark.parametrize(
    "parts",
    [
        [operation("GET accounts")] * 1001,
        [changeset(operation("GET accounts", None, "1"))],
        [operation("POST $batch")],
        ["nothing"],
    ],
    ids=["too many", "a GET in a change set", "nested", "unreadable"],
)
async def test_envelopes_that_are_refused(sandbox: httpx.AsyncClient, parts: list[str]):
    assert (await send(sandbox, *parts)).status_code == 400


async def test_a_thousand_requests(sandbox: httpx.AsyncClient):
    response = await send(sandbox, *[operation("GET accounts?$top=1")] * 1000)
    assert (response.status_code, len(answers(response))) == (200, 1000)


async def test_many_rows_are_created_at_once(sandbox: httpx.AsyncClient):
    path = f"{API}accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    targets = [{"@odata.type": TYPE, "name": f"A{number}"} for number in range(3)]
    ids = (await sandbox.post(path, json={"Targets": targets})).json()["Ids"]
    assert (await read(sandbox, f"accounts({ids[2]})"))["name"] == "A2"
    bad = [*targets, {"@odata.type": TYPE, "accountid": ids[0], "name": "x"}]
    answer = await sandbox.post(path, json={"Targets": bad})
    assert error_of(answer) == (412, "0x80040237")
    assert answer.json()["error"]["message"] == "Cannot insert duplicate key."
    assert error_of(await sandbox.post(path, json={"Targets": [{"name": "x"}]})) == (400, "0x80048d19")
    assert len((await read(sandbox, "accounts"))["value"]) == 3


async def test_many_rows_are_changed_at_once(sandbox: httpx.AsyncClient):
    account = await new(sandbox, "accounts", name="x")
    path = f"{API}accounts/Microsoft.Dynamics.CRM.UpdateMultiple"
    good = {"@odata.type": TYPE, "accountid": account, "name": "y"}
    assert (await sandbox.post(path, json={"Targets": [good]})).status_code == 204
    missing = {"@odata.type": TYPE, "accountid": NOBODY, "name": "y"}
    answer = await sandbox.post(path, json={"Targets": [{**good, "name": "z"}, missing]})
    assert error_of(answer) == (404, "0x80040217")
    assert (await read(sandbox, f"accounts({account})"))["name"] == "y"


async def test_many_rows_are_upserted_at_once(sandbox: httpx.AsyncClient):
    await control(sandbox, "POST", "tables/account/keys", {"name": "new_number", "columns": ["accountnumber"]})
    path = f"{API}accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
    targets = [
        {"@odata.type": TYPE, "@odata.id": "accounts(accountnumber='1')", "name": "a"},
        {"@odata.type": TYPE, "accountid": NOBODY, "name": "b"},
    ]
    for _ in range(2):
        assert (await sandbox.post(path, json={"Targets": targets})).status_code == 204
    rows = (await read(sandbox, "accounts", **{"$orderby": "name"}))["value"]
    assert [(row["name"], row["accountnumber"]) for row in rows] == [("a", "1"), ("b", None)]
