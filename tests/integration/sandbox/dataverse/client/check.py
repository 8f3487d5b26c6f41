"""Drives the vendor's Python client against the sandbox whose address is given; prints `ok` and what was shown."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models import UpsertItem, col

TABLE = "account"


class SandboxCredential:
    """A TokenCredential, as those of azure-identity, that gets its token from the sandbox."""

    def __init__(self, url: str, tenant: str, client_id: str, client_secret: str) -> None:
        self._address = f"{url}/{tenant}/oauth2/v2.0/token"
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        answer = requests.post(self._address, data={**self._form, "scope": scopes[0]}, timeout=10)
        answer.raise_for_status()
        body = answer.json()
        return AccessToken(body["access_token"], int(time.time()) + int(body["expires_in"]))


def refusal(action: Callable[[], object]) -> HttpError:
    try:
        action()
    except HttpError as error:
        return error
    raise AssertionError("the service took what it must refuse")


def one_record(client: DataverseClient) -> None:
    key = client.records.create(TABLE, {"name": "Contoso", "telephone1": "555-0100"})
    assert client.records.retrieve(TABLE, key, select=["name"])["name"] == "Contoso"
    client.records.update(TABLE, key, {"name": "Fabrikam", "paymenttermscode": "Net 45"})
    row = client.records.retrieve(TABLE, key, select=["name", "paymenttermscode"])
    assert (row["name"], row["paymenttermscode"]) == ("Fabrikam", 3)
    client.records.delete(TABLE, key)
    assert client.records.retrieve(TABLE, key) is None


def many_records(client: DataverseClient) -> None:
    keys = client.records.create(TABLE, [{"name": f"Bulk {number}"} for number in range(7)])
    assert len(set(keys)) == 7
    client.records.update(TABLE, keys, {"fax": "1"})
    client.records.update(TABLE, keys[:2], [{"fax": "2"}, {"fax": "3"}])
    found = client.records.list(TABLE, filter="startswith(name,'Bulk')", select=["name", "fax"], orderby=["name"])
    assert [row["fax"] for row in found] == ["2", "3", "1", "1", "1", "1", "1"]


def pages(client: DataverseClient) -> None:
    query = client.query.builder(TABLE).select("name").where(col("name").like("Bulk%")).order_by("name").page_size(3)
    assert [len(page) for page in query.execute_pages()] == [3, 3, 1]


def filters(client: DataverseClient) -> None:
    chosen = client.query.builder(TABLE).select("name").where(col("name").in_(["Bulk 1", "Bulk 5"]))
    assert sorted(row["name"] for row in chosen.execute()) == ["Bulk 1", "Bulk 5"]
    active = client.query.builder(TABLE).select("name").where((col("statecode") == 0) & (col("fax") == "3"))
    assert [row["name"] for row in active.execute()] == ["Bulk 1"]


def alternate_keys(client: DataverseClient) -> None:
    client.tables.create_alternate_key(TABLE, "new_number", ["accountnumber"])
    (key,) = client.tables.get_alternate_keys(TABLE)
    assert (key.key_attributes, key.status) == (["accountnumber"], "Active")
    for name in ("first", "second"):
        client.records.upsert(TABLE, [UpsertItem({"accountnumber": "C-1"}, {"name": name})])
    items = [UpsertItem({"accountnumber": f"C-{number}"}, {"name": f"Key {number}"}) for number in (1, 2)]
    client.records.upsert(TABLE, items)
    found = client.records.list(TABLE, filter="startswith(accountnumber,'C-')", select=["name"], orderby=["name"])
    assert [row["name"] for row in found] == ["Key 1", "Key 2"]


def lookups(client: DataverseClient) -> None:
    account = client.records.create(TABLE, {"name": "Parent"})
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    contact = client.records.create("contact", {"lastname": "Berg", **bind})
    row = client.records.retrieve("contact", contact, expand=["parentcustomerid_account"], include_annotations="*")
    assert row["parentcustomerid_account"]["name"] == "Parent"
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == TABLE


def metadata(client: DataverseClient) -> None:
    table = client.tables.get(TABLE)
    assert (table.entity_set_name, table.primary_id_attribute) == ("accounts", "accountid")
    assert client.tables.get("nothing") is None
    assert "invoice" in {each["LogicalName"] for each in client.tables.list(select=["LogicalName"])}
    typed = {each["LogicalName"]: each for each in client.tables.list_columns(TABLE, typed=True)}
    assert typed["accountnumber"]["MaxLength"] == 20


def customizations(client: DataverseClient) -> None:
    client.tables.add_columns(TABLE, {"new_Region": "string", "new_Rank": "int"})
    key = client.records.create(TABLE, {"name": "x", "new_Region": "north", "new_Rank": 5})
    assert client.records.retrieve(TABLE, key, select=["new_rank"])["new_rank"] == 5
    client.tables.update_column(TABLE, "new_Region", {"max_length": 3})
    error = refusal(lambda: client.records.update(TABLE, key, {"new_Region": "south"}))
    assert "maximum allowed length of '3'" in str(error)
    client.tables.remove_columns(TABLE, ["new_Region", "new_Rank"])


def own_tables(client: DataverseClient) -> None:
    made = client.tables.create("new_Project", {"new_Code": "string", "new_Budget": "money", "new_Open": "bool"})
    key = client.records.create(
        "new_Project", {"new_Name": "Tower", "new_Code": "T", "new_Budget": 5.5, "new_Open": True}
    )
    row = client.records.retrieve("new_Project", key)
    assert (row["new_name"], row["new_budget"], row["new_open"]) == ("Tower", 5.5, True)
    assert made.entity_set_name == "new_projects"
    client.tables.delete("new_Project")
    assert client.tables.get("new_Project") is None


def files(client: DataverseClient) -> None:
    key = client.records.create(TABLE, {"name": "With a file"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "paper.pdf")
        path.write_bytes(b"%PDF-1.7 " + b"x" * 5_000_000)
        client.files.upload(TABLE, key, "new_Paper", str(path), mime_type="application/pdf")
        client.files.upload(TABLE, key, "new_Paper", str(path), mode="chunk", if_none_match=False)
    assert client.records.retrieve(TABLE, key, select=["new_paper_name"])["new_paper_name"] == "paper.pdf"


def batches(client: DataverseClient) -> None:
    batch = client.batch.new()
    with batch.changeset() as changes:
        account = changes.records.create(TABLE, {"name": "Batched"})
        changes.records.create("contact", {"lastname": "B", "parentcustomerid_account@odata.bind": account})
        changes.records.update(TABLE, account, {"fax": "7"})
    batch.records.list(TABLE, filter="name eq 'Batched'", select=["fax"])
    result = batch.execute()
    assert not result.failed, result.failed
    assert result.succeeded[-1].data["value"][0]["fax"] == "7"
    broken = client.batch.new()
    broken.records.create(TABLE, {"nmae": "x"})
    broken.records.create(TABLE, {"name": "After the error"})
    result = broken.execute(continue_on_error=True)
    assert [len(result.failed), len(result.succeeded)] == [1, 1]


def errors(client: DataverseClient) -> None:
    error = refusal(lambda: client.records.create(TABLE, {"nmae": "x"}))
    assert (error.status_code, error.details["service_error_code"]) == (400, "0x80048d19")
    assert error.details["service_request_id"]


CHECKS: tuple[Callable[[DataverseClient], None], ...] = (
    one_record,
    many_records,
    pages,
    filters,
    alternate_keys,
    lookups,
    metadata,
    customizations,
    own_tables,
    files,
    batches,
    errors,
)


if __name__ == "__main__":
    url, tenant, client_id, client_secret = sys.argv[1:]
    with DataverseClient(url, SandboxCredential(url, tenant, client_id, client_secret)) as opened:
        for check in CHECKS:
            check(opened)
            print("ok", check.__name__)
