"""Change tracking: the first read, deltas, deletions, expiry, and what it refuses."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import API, control, error_of, new, settings, sign_in

TRACK = "odata.track-changes"


async def everything(client: httpx.AsyncClient, address: str, prefer: str) -> tuple[list[dict[str, Any]], str]:
    rows: list[dict[str, Any]] = []
    while True:
        response = await client.get(address, headers={"Prefer": prefer})
        assert response.status_code == 200, response.text
        assert response.headers.get("preference-applied", "") == prefer
        body = response.json()
        rows += body["value"]
        if "@odata.deltaLink" in body:
            return rows, body["@odata.deltaLink"]
        address = body["@odata.nextLink"]


async def test_changes_since_the_last_read(sandbox: httpx.AsyncClient):
    kept, gone = await new(sandbox, "accounts", name="kept"), await new(sandbox, "accounts", name="gone")
    rows, link = await everything(sandbox, f"{API}accounts?$select=name", TRACK)
    assert [row["name"] for row in rows] == ["kept", "gone"]
    assert (await everything(sandbox, link, ""))[0] == []
    await sandbox.patch(f"{API}accounts({kept})", json={"name": "changed"})
    added = await new(sandbox, "accounts", name="added")
    await sandbox.delete(f"{API}accounts({gone})")
    brief = await new(sandbox, "accounts", name="brief")
    await sandbox.delete(f"{API}accounts({brief})")
    rows, following = await everything(sandbox, link, "")
    assert [row.get("name") for row in rows[:2]] == ["changed", "added"]
    assert {row["accountid"] for row in rows[:2]} == {kept, added}
    assert rows[0].keys() == {"@odata.etag", "name", "accountid"}
    assert [(row["id"], row["reason"]) for row in rows[2:]] == [(gone, "deleted"), (brief, "deleted")]
    assert rows[2]["@odata.context"].endswith("#accounts/$deletedEntity")
    count = await sandbox.get(link.replace("accounts?", "accounts/$count?"))
    assert count.text == "4"
    assert (await everything(sandbox, following, ""))[0] == []


async def test_pages_lose_nothing_that_changes_meanwhile(sandbox: httpx.AsyncClient):
    ids = [await new(sandbox, "accounts", name=str(number)) for number in range(6)]
    prefer = f"{TRACK},odata.maxpagesize=2"
    first = (await sandbox.get(f"{API}accounts?$select=name", headers={"Prefer": prefer})).json()
    assert [row["accountid"] for row in first["value"]] == ids[:2]
    await sandbox.patch(f"{API}accounts({ids[0]})", json={"name": "changed"})
    await sandbox.delete(f"{API}accounts({ids[3]})")
    rest, link = await everything(sandbox, first["@odata.nextLink"], prefer)
    assert [row["accountid"] for row in rest] == [ids[2], ids[4], ids[5]]
    delta, _ = await everything(sandbox, link, "odata.maxpagesize=1")
    assert [row.get("accountid") or row["id"] for row in delta] == [ids[0], ids[3]]


@pytest.mark.parametrize("option", ["$filter=name eq 'x'", "$orderby=name", "$expand=primarycontactid", "$top=1"])
async def test_options_that_are_refused(sandbox: httpx.AsyncClient, option: str):
    response = await sandbox.get(f"{API}accounts?{option}", headers={"Prefer": TRACK})
    assert response.status_code == 400
    assert "isn't supported when Change Tracking is enabled" in response.json()["error"]["message"]


async def test_a_table_without_tracking(sandbox: httpx.AsyncClient):
    await control(sandbox, "PATCH", "tables/account", {"tracking": False})
    assert (await sandbox.get(f"{API}accounts", headers={"Prefer": TRACK})).status_code == 400


@pytest.mark.parametrize("status", [400, 410])
async def test_tokens_expire(sandbox: httpx.AsyncClient, status: int):
    await settings(sandbox, change_tracking_expired_status=status, token_lifetime_seconds=1_000_000)
    _, link = await everything(sandbox, f"{API}accounts", TRACK)
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 7 * 86_400 - 3700})
    await sign_in(sandbox)
    assert (await sandbox.get(link)).status_code == 200
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 3800})
    assert error_of(await sandbox.get(link)) == (status, "0x80044352")
    assert (await sandbox.get(link.replace("deltatoken=1", "deltatoken=x"))).status_code == 400
