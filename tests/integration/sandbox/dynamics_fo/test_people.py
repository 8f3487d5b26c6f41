"""People beside us: edits in the client, and an environment that keeps values in its own form."""

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import ledger_of

US_001 = "CustomersV3/dataAreaId=usmf,CustomerAccount=US-001"
CUSTOMER = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')"


async def test_a_person_edits_and_deletes_a_row(sandbox: httpx.AsyncClient):
    await sandbox.post("/_sandbox/settings", json={"transform": {"CustomersV3.KnownAs": "fold"}})
    before = (await sandbox.get(CUSTOMER)).json()
    edited = await sandbox.patch(f"/_sandbox/records/{US_001}", json={"KnownAs": "Big", "OnHoldStatus": "All"})
    assert edited.json()["KnownAs"] == "Big"
    after = (await sandbox.get(CUSTOMER)).json()
    assert (after["KnownAs"], after["OnHoldStatus"]) == ("Big", "All")
    assert after["@odata.etag"] != before["@odata.etag"]
    assert (await sandbox.delete(f"/_sandbox/records/{US_001}")).json()["KnownAs"] == "Big"
    assert (await sandbox.get(CUSTOMER)).status_code == 404
    assert [row["request"]["method"] for row in await ledger_of(sandbox, "CustomersV3")] == ["PERSON", "PERSON"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("CustomersV3/dataAreaId=usmf,CustomerAccount=NOBODY", {"KnownAs": "x"}, 404, "not found"),
        ("CustomersV3/US-001", {"KnownAs": "x"}, 400, "CustomerAccount"),
        ("Nothing/1", {"KnownAs": "x"}, 400, "Nothing"),
        (US_001, {"CustomerGroupId": "ZZ"}, 400, "related table"),
        (US_001, {"Nope": "x"}, 400, "Nope"),
    ],
)
async def test_an_edit_that_makes_no_sense(
    sandbox: httpx.AsyncClient, path: str, body: dict[str, str], status: int, words: str
):
    answer = await sandbox.patch(f"/_sandbox/records/{path}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


async def test_values_are_kept_in_the_environments_own_form(sandbox: httpx.AsyncClient):
    rules = {"CustomersV3.OrganizationName": "truncate:4", "CustomersV3.PrimaryContactEmail": "fold"}
    await sandbox.post("/_sandbox/settings", json={"transform": {**rules, "CustomersV3.CreditLimit": "round:0"}})
    fields = {"OrganizationName": "Contoso", "PrimaryContactEmail": "A@B.no", "CreditLimit": 2.5}
    assert (await sandbox.patch(CUSTOMER, json=fields)).status_code == 204
    row = (await sandbox.get(CUSTOMER)).json()
    assert [row[name] for name in fields] == ["Cont", "a@b.no", 3]
    (entry,) = await ledger_of(sandbox, "CustomersV3")
    assert entry["fields"]["OrganizationName"] == "Contoso"
    assert (await sandbox.patch(CUSTOMER, json=fields)).status_code == 204
    assert (await sandbox.get(CUSTOMER)).json()["@odata.etag"] == row["@odata.etag"], "the same again is no change"


@pytest.mark.parametrize(
    "rules", [{"CustomersV3.Nmae": "fold"}, {"Customers.KnownAs": "fold"}, {"CustomersV3.KnownAs": "shout"}]
)
async def test_rules_that_fit_nothing(sandbox: httpx.AsyncClient, rules: dict[str, str]):
    answer = await sandbox.post("/_sandbox/settings", json={"transform": rules})
    assert answer.status_code == 400
    assert "transform" in answer.json()["error"]
