"""$batch: changesets are all or nothing."""

import email

import httpx

from tests.integration.sandbox.dynamics_fo.server import ledger_of


def batch(*parts: str) -> tuple[str, dict[str, str]]:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return body, {"content-type": "multipart/mixed; boundary=b"}


def operation(line: str, body: str = "", content_id: str = "") -> str:
    number = f"Content-ID: {content_id}\r\n" if content_id else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{number}\r\n"
    return f"{head}{line} HTTP/1.1\r\nContent-Type: application/json;odata.metadata=minimal\r\n\r\n{body}\r\n"


def changeset(*operations: str) -> str:
    inner = "".join(f"--c\r\n{each}\r\n" for each in operations) + "--c--"
    return f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{inner}"


def group(number: str) -> str:
    return f'{{"dataAreaId":"usmf","CustomerGroupId":"{number}","Description":"Größe"}}'


def answers(response: httpx.Response) -> list[email.message.Message]:
    head = f"Content-Type: {response.headers['content-type']}\r\n\r\n".encode()
    return [*email.message_from_bytes(head + response.content).get_payload()]


async def test_changesets_stand_or_fall_alone(sandbox: httpx.AsyncClient):
    good = changeset(
        operation("POST /data/CustomerGroups", group("91"), "1"),
        operation("POST CustomerGroups?cross-company=true", group("92"), "2"),
    )
    bad = changeset(
        operation("POST /data/CustomerGroups", group("93"), "3"),
        operation("POST /data/CustomerGroups", group("91"), "4"),
    )
    read = operation(f"GET {sandbox.base_url}data/CustomerGroups/$count")
    content, headers = batch(good, bad, read)
    response = await sandbox.post("/data/$batch", content=content.encode(), headers=headers)
    assert response.status_code == 200
    first, second, third = answers(response)
    inner = first.get_payload()
    assert [part["Content-ID"] for part in inner] == ["1", "2"]
    assert all("HTTP/1.1 201 Created" in part.get_payload() for part in inner)
    assert (second["Content-ID"], second.get_content_type()) == ("4", "application/http")
    assert "HTTP/1.1 500" in second.get_payload()
    assert "The record already exists" in second.get_payload()
    assert third.get_payload().rstrip().endswith("3")
    created = [entry["fields"]["CustomerGroupId"] for entry in await ledger_of(sandbox, "CustomerGroups")]
    assert created == ["91", "92"]
    assert (await ledger_of(sandbox, "CustomerGroups"))[0]["fields"]["Description"] == "Größe"


async def test_more_than_5000_operations_are_refused(sandbox: httpx.AsyncClient):
    content, headers = batch(*[operation("GET /data/Currencies")] * 5001)
    response = await sandbox.post("/data/$batch", content=content.encode(), headers=headers)
    assert response.status_code == 400


async def test_an_unreadable_envelope_is_refused(sandbox: httpx.AsyncClient):
    response = await sandbox.post("/data/$batch", content=b"x", headers={"content-type": "multipart/mixed"})
    assert response.status_code == 400


async def test_content_id_references_are_a_switch(sandbox: httpx.AsyncClient):
    parts = changeset(
        operation("POST /data/CustomerGroups", group("95"), "1"), operation("PATCH $1", '{"Description":"x"}', "2")
    )
    content, headers = batch(parts)
    response = await sandbox.post("/data/$batch", content=content.encode(), headers=headers)
    assert "HTTP/1.1 404" in answers(response)[0].get_payload()
    await sandbox.post("/_sandbox/settings", json={"content_id_references": True})
    response = await sandbox.post("/data/$batch", content=content.encode(), headers=headers)
    assert "HTTP/1.1 204" in answers(response)[0].get_payload()[1].get_payload()
