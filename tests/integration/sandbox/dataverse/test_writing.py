"""Creating, changing, deleting: statuses, headers, conditions, keys, lookups, states."""

import base64
from decimal import Decimal
from typing import Any

import httpx
import pytest

from headrace.sandbox.common.encoding import load
from tests.integration.sandbox.dataverse.server import (
    API,
    NOBODY,
    REPRESENTATION,
    control,
    error_of,
    id_of,
    ledger_of,
    new,
    read,
    settings,
)


async def test_answers_of_a_create(sandbox: httpx.AsyncClient):
    plain = await sandbox.post(f"{API}accounts", json={"name": "Contoso"})
    account = id_of(plain)
    assert plain.headers["odata-entityid"] == f"{sandbox.base_url}/api/data/v9.2/accounts({account})"
    assert plain.content == b""
    shown = await sandbox.post(f"{API}accounts?$select=name", json={"name": "Fabrikam"}, headers=REPRESENTATION)
    assert (shown.status_code, shown.headers["preference-applied"]) == (201, "return=representation")
    assert "odata-entityid" not in shown.headers
    row = shown.json()
    assert row.keys() == {"@odata.context", "@odata.etag", "name", "accountid"}
    assert shown.headers["etag"] == row["@odata.etag"]
    assert (await ledger_of(sandbox, "account"))[0]["fields"] == {"name": "Contoso"}


async def test_defaults_of_a_new_row(sandbox: httpx.AsyncClient):
    me = (await read(sandbox, "WhoAmI()"))["UserId"]
    row = await read(sandbox, f"accounts({await new(sandbox, 'accounts', name='Contoso')})")
    assert (row["statecode"], row["statuscode"], row["creditonhold"]) == (0, 1, False)
    assert (row["_ownerid_value"], row["_createdby_value"], row["_modifiedby_value"]) == (me, me, me)
    assert row["createdon"] == row["modifiedon"]
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'
    currency = await read(sandbox, f"transactioncurrencies({row['_transactioncurrencyid_value']})")
    assert currency["isocurrencycode"] == "USD"


async def test_amounts_have_a_twin_in_the_base_currency(sandbox: httpx.AsyncClient):
    found = await read(sandbox, "transactioncurrencies", **{"$filter": "isocurrencycode eq 'EUR'"})
    euro = found["value"][0]["transactioncurrencyid"]
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro})"}
    response = await sandbox.post(
        f"{API}accounts", json={"name": "x", "revenue": 92.005, **bind}, headers=REPRESENTATION
    )
    row = load(response.content)
    assert (row["revenue"], row["revenue_base"], row["exchangerate"]) == (
        Decimal("92.01"),
        Decimal("100.0109"),
        Decimal("0.92"),
    )


async def test_a_key_that_the_client_chose(sandbox: httpx.AsyncClient):
    assert await new(sandbox, "accounts", accountid=NOBODY, name="x") == NOBODY
    again = await sandbox.post(f"{API}accounts", json={"accountid": NOBODY, "name": "y"})
    assert error_of(again) == (412, "0x80040237")
    assert again.json()["error"]["message"] == "A record with matching key values already exists."


async def test_patch_without_condition_creates(sandbox: httpx.AsyncClient):
    path = f"{API}accounts({NOBODY})"
    assert error_of(await sandbox.patch(path, json={"name": "x"}, headers={"If-Match": "*"})) == (404, "0x80040217")
    created = await sandbox.patch(path, json={"name": "x"})
    assert id_of(created) == NOBODY
    assert (await sandbox.patch(path, json={"name": "y"}, headers=REPRESENTATION)).status_code == 200
    only_new = await sandbox.patch(path, json={"name": "z"}, headers={"If-None-Match": "*"})
    assert error_of(only_new) == (412, "0x80040237")
    habitual = await sandbox.patch(path, json={"name": "z"}, headers={"If-None-Match": "null"})
    assert habitual.status_code == 204
    actions = [entry["action"] for entry in await ledger_of(sandbox, "account")]
    assert actions == ["create", "update", "update"]
    other = await sandbox.patch(f"{API}contacts({NOBODY})", json={"lastname": "x"}, headers=REPRESENTATION)
    assert other.status_code == 201


async def test_versions_guard_changes(sandbox: httpx.AsyncClient):
    account = await new(sandbox, "accounts", name="x")
    path = f"{API}accounts({account})"
    first = (await sandbox.get(path)).headers["etag"]
    assert (await sandbox.get(path, headers={"If-None-Match": first})).status_code == 304
    assert (await sandbox.patch(path, json={"name": "y"}, headers={"If-Match": first})).status_code == 204
    stale = await sandbox.patch(path, json={"name": "z"}, headers={"If-Match": first})
    assert error_of(stale) == (412, "0x80060882")
    assert "RowVersion" in stale.json()["error"]["message"]
    assert (await sandbox.get(path, headers={"If-None-Match": first})).status_code == 200
    assert error_of(await sandbox.delete(path, headers={"If-Match": first})) == (412, "0x80060882")
    assert (await sandbox.delete(path)).status_code == 204
    assert error_of(await sandbox.delete(path)) == (404, "0x80040217")
    assert error_of(await sandbox.patch(f"{API}accounts", json={})) == (405, "0x80060888")


async def test_alternate_keys(sandbox: httpx.AsyncClient):
    key = {"SchemaName": "new_number", "KeyAttributes": ["accountnumber"]}
    assert (await sandbox.post(f"{API}EntityDefinitions(LogicalName='account')/Keys", json=key)).status_code == 204
    path = f"{API}accounts(accountnumber='C-42')"
    pending = await sandbox.patch(path, json={"name": "x"})
    assert pending.status_code == 400
    assert "not valid for resource" in pending.json()["error"]["message"]
    keys = f"{API}EntityDefinitions(LogicalName='account')/Keys"
    assert (await sandbox.get(keys)).json()["value"][0]["EntityKeyIndexStatus"] == "Pending"
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 61})
    assert (await sandbox.get(keys)).json()["value"][0]["EntityKeyIndexStatus"] == "Active"
    assert error_of(await sandbox.get(path)) == (404, "0x80060891")
    created = await sandbox.patch(path, json={"name": "x"})
    assert created.headers["odata-entityid"].endswith("/accounts(accountnumber='C-42')")
    assert (await sandbox.patch(path, json={"name": "y", "accountnumber": "ignored"})).status_code == 204
    row = (await sandbox.get(path)).json()
    assert (row["name"], row["accountnumber"]) == ("y", "C-42")
    clash = await sandbox.post(f"{API}accounts", json={"name": "z", "accountnumber": "c-42"})
    assert error_of(clash) == (412, "0x80060892")
    assert "Entity Key new_number violated" in clash.json()["error"]["message"]
    for _ in range(2):
        await new(sandbox, "accounts", name="without a number")
    contact = await new(
        sandbox, "contacts", **{"parentcustomerid_account@odata.bind": "/accounts(accountnumber='C-42')"}
    )
    assert (await read(sandbox, f"contacts({contact})"))["_parentcustomerid_value"] == row["accountid"]
    forbidden = await sandbox.get(f"{API}accounts(accountnumber='a%2Bb')")
    assert forbidden.status_code == 400


async def test_lookups_are_bound_and_cleared(sandbox: httpx.AsyncClient):
    account, contact = await new(sandbox, "accounts", name="Contoso"), await new(sandbox, "contacts", lastname="Berg")
    opportunity = await new(
        sandbox,
        "opportunities",
        name="Deal",
        **{
            "customerid_account@odata.bind": f"/accounts({account})",
            "parentcontactid@odata.bind": f"{sandbox.base_url}/api/data/v9.2/contacts({contact})",
        },
    )
    path = f"opportunities({opportunity})"
    row = await read(sandbox, path)
    assert (row["_customerid_value"], row["_parentcontactid_value"]) == (account, contact)
    change = {"customerid_contact@odata.bind": f"/contacts({contact})", "parentcontactid": None}
    assert (await sandbox.patch(API + path, json=change)).status_code == 204
    row = await read(sandbox, path)
    assert (row["_customerid_value"], row["_parentcontactid_value"]) == (contact, None)
    assert (await sandbox.delete(f"{API}{path}/parentaccountid/$ref")).status_code == 204
    link = {"@odata.id": f"{sandbox.base_url}/api/data/v9.2/accounts({account})"}
    assert (await sandbox.put(f"{API}{path}/parentaccountid/$ref", json=link)).status_code == 204
    assert (await read(sandbox, f"{path}/parentaccountid"))["name"] == "Contoso"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"nmae": "x"}, "0x80048d19", "The property 'nmae' does not exist"),
        ({"name": "x" * 161}, "0x80044331", "exceeded the maximum allowed length of '160'"),
        ({"name": 5}, "0x80048d19", "Edm.String"),
        ({"numberofemployees": "many"}, "0x80048d19", "Edm.Int32"),
        ({"paymenttermscode": 9}, "0x8004431a", "Accepted Values: 1,2,3,4"),
        ({"new_documentconfidence": 101}, "0x80044330", "outside the valid range"),
        ({"new_documentdate": "31.01.2026"}, "0x80048d19", "Edm.Date"),
        ({"PrimaryContactId@odata.bind": f"/contacts({NOBODY})"}, "0x80048d19", "PrimaryContactId"),
        ({"primarycontactid": NOBODY}, "0x80048d19", "primarycontactid"),
        ({"statecode": 0, "statuscode": 2}, "0x80048408", "is not a valid status code"),
    ],
)
async def test_bodies_that_are_refused(sandbox: httpx.AsyncClient, body: dict[str, Any], code: str, words: str):
    response = await sandbox.post(f"{API}accounts", json=body)
    assert error_of(response) == (400, code)
    assert words in response.json()["error"]["message"]
    assert await ledger_of(sandbox, "account") == []


async def test_a_lookup_of_nothing(sandbox: httpx.AsyncClient):
    body = {"name": "x", "primarycontactid@odata.bind": f"/contacts({NOBODY})"}
    assert error_of(await sandbox.post(f"{API}accounts", json=body)) == (404, "0x80040217")


async def test_errors_with_details(sandbox: httpx.AsyncClient):
    headers = {"Prefer": 'odata.include-annotations="*"'}
    error = (await sandbox.get(f"{API}accounts({NOBODY})", headers=headers)).json()["error"]
    assert error["@Microsoft.PowerApps.CDS.InnerError.Message"] == error["message"]
    plain = (await sandbox.get(f"{API}accounts({NOBODY})")).json()["error"]
    assert plain.keys() == {"code", "message"}


async def test_computed_columns(sandbox: httpx.AsyncClient):
    body = {"name": "Invoice", "totalamount": 100, "createdon": "2020-01-01T00:00:00Z"}
    invoice = await new(sandbox, "invoices", **body)
    row = await read(sandbox, f"invoices({invoice})")
    assert (row["totalamount"], row["invoicenumber"][:8]) == (0, "INV-0100")
    assert row["createdon"] != body["createdon"]
    await settings(sandbox, read_only_columns="refuse")
    refused = await sandbox.patch(f"{API}invoices({invoice})", json={"invoicenumber": "other"})
    assert error_of(refused) == (400, "0x80040265")


async def test_totals_follow_the_lines(sandbox: httpx.AsyncClient):
    invoice = await new(sandbox, "invoices", name="I", freightamount=5, discountamount=10)
    line = {
        "invoiceid@odata.bind": f"/invoices({invoice})",
        "isproductoverridden": True,
        "productdescription": "Valve",
        "quantity": 3,
        "priceperunit": 20.5,
        "tax": 6.15,
    }
    first = await new(sandbox, "invoicedetails", **line)
    row = await read(sandbox, f"invoices({invoice})")
    assert (row["totallineitemamount"], row["totaltax"], row["totalamount"]) == (61.5, 6.15, 62.65)
    assert (await read(sandbox, f"invoicedetails({first})"))["extendedamount"] == 67.65
    assert (await sandbox.delete(f"{API}invoicedetails({first})")).status_code == 204
    assert (await read(sandbox, f"invoices({invoice})"))["totalamount"] == -5
    (organization,) = (await read(sandbox, "organizations"))["value"]
    path = f"{API}organizations({organization['organizationid']})"
    assert (await sandbox.patch(path, json={"oobpricecalculationenabled": False})).status_code == 204
    await sandbox.patch(f"{API}invoices({invoice})", json={"totalamount": 62.65})
    assert (await read(sandbox, f"invoices({invoice})"))["totalamount"] == 62.65


async def test_closed_documents_refuse_changes(sandbox: httpx.AsyncClient):
    invoice = await new(sandbox, "invoices", name="I")
    path = f"{API}invoices({invoice})"
    assert (await sandbox.patch(path, json={"statecode": 2, "statuscode": 100001})).status_code == 204
    refused = await sandbox.patch(path, json={"new_documenttotal": 5})
    assert error_of(refused) == (400, "0x80040265")
    assert "read only" in refused.json()["error"]["message"]
    line = {"invoiceid@odata.bind": f"/invoices({invoice})", "productdescription": "x", "quantity": 1}
    assert (await sandbox.post(f"{API}invoicedetails", json=line)).status_code == 400
    note = {"subject": "s", "objectid_invoice@odata.bind": f"/invoices({invoice})"}
    assert (await sandbox.post(f"{API}annotations", json=note)).status_code == 204
    assert (await sandbox.patch(path, json={"statecode": 0, "new_documenttotal": 5})).status_code == 204
    row = await read(sandbox, f"invoices({invoice})")
    assert (row["statuscode"], row["new_documenttotal"]) == (1, 5)
    await sandbox.patch(path, json={"statecode": 3})
    await settings(sandbox, frozen_states={"invoice": [2]})
    assert (await sandbox.patch(path, json={"name": "J"})).status_code == 204


async def test_inactive_accounts_take_changes(sandbox: httpx.AsyncClient):
    account = await new(sandbox, "accounts", name="x")
    path = f"{API}accounts({account})"
    await sandbox.patch(path, json={"statecode": 1})
    assert (await sandbox.patch(path, json={"name": "y"})).status_code == 204
    row = await read(sandbox, f"accounts({account})")
    assert (row["statecode"], row["statuscode"], row["name"]) == (1, 2, "y")
    wrong = await sandbox.patch(path, json={"statuscode": 1})
    assert error_of(wrong) == (400, "0x80048408")


async def test_a_note_with_a_file(sandbox: httpx.AsyncClient):
    opportunity = await new(sandbox, "opportunities", name="Deal")
    content = b"%PDF-1.7 " + bytes(range(256))
    body = {
        "subject": "Quote",
        "filename": "quote.pdf",
        "mimetype": "application/pdf",
        "documentbody": base64.b64encode(content).decode(),
        "objectid_opportunity@odata.bind": f"/opportunities({opportunity})",
    }
    note = await new(sandbox, "annotations", **body)
    row = await read(sandbox, f"annotations({note})")
    assert (row["filesize"], row["isdocument"], row["objecttypecode"]) == (len(content), True, "opportunity")
    raw = await sandbox.get(f"{API}annotations({note})/documentbody/$value")
    assert raw.content == content
    assert (await ledger_of(sandbox, "annotation"))[0]["after"]["documentbody"]["bytes"] == len(content)
    assert (await sandbox.delete(f"{API}opportunities({opportunity})")).status_code == 204
    assert error_of(await sandbox.get(f"{API}annotations({note})")) == (404, "0x80040217")
    await control(sandbox, "PATCH", "tables/account", {"notes": False})
    account = await new(sandbox, "accounts", name="x")
    off = await sandbox.post(f"{API}annotations", json={"objectid_account@odata.bind": f"/accounts({account})"})
    assert error_of(off) == (400, "0x80048d19")


async def test_single_columns(sandbox: httpx.AsyncClient):
    path = f"{API}accounts({await new(sandbox, 'accounts', name='x', fax='1')})"
    assert (await sandbox.put(f"{path}/fax", json={"value": "2"})).status_code == 204
    assert (await sandbox.get(f"{path}/fax")).json()["value"] == "2"
    assert (await sandbox.delete(f"{path}/fax")).status_code == 204
    assert (await sandbox.get(f"{path}/fax")).status_code == 204


async def test_rows_inside_a_row(sandbox: httpx.AsyncClient):
    body = {
        "name": "Contoso",
        "primarycontactid": {"firstname": "Ada", "lastname": "Berg"},
        "opportunity_customer_accounts": [{"name": "First"}, {"name": "Second"}],
    }
    account = await new(sandbox, "accounts", **body)
    row = await read(
        sandbox,
        f"accounts({account})",
        **{"$expand": "primarycontactid($select=fullname),opportunity_customer_accounts($select=name;$orderby=name)"},
    )
    assert row["primarycontactid"]["fullname"] == "Ada Berg"
    assert [each["name"] for each in row["opportunity_customer_accounts"]] == ["First", "Second"]
    broken = {"name": "x", "opportunity_customer_accounts": [{"nmae": "y"}]}
    assert (await sandbox.post(f"{API}accounts", json=broken)).status_code == 400
    assert len((await read(sandbox, "accounts"))["value"]) == 1


async def test_rows_that_others_need_stay(sandbox: httpx.AsyncClient):
    (currency,) = (await read(sandbox, "transactioncurrencies", **{"$filter": "isocurrencycode eq 'USD'"}))["value"]
    await new(sandbox, "accounts", name="x")
    response = await sandbox.delete(f"{API}transactioncurrencies({currency['transactioncurrencyid']})")
    assert response.status_code == 405


async def test_duplicate_detection_is_asked_for(sandbox: httpx.AsyncClient):
    await settings(sandbox, duplicate_detection={"contact": ["emailaddress1"]})
    body = {"lastname": "Berg", "emailaddress1": "a@b.no"}
    await new(sandbox, "contacts", **body)
    await new(sandbox, "contacts", **body)
    headers = {"MSCRM.SuppressDuplicateDetection": "false"}
    assert error_of(await sandbox.post(f"{API}contacts", json=body, headers=headers)) == (412, "0x80040333")


async def test_a_person_edits_and_deletes(sandbox: httpx.AsyncClient):
    account = await new(sandbox, "accounts", name="x")
    edited = await control(sandbox, "PATCH", f"records/account/{account}", {"name": "y"})
    assert edited["name"] == "y"
    await settings(sandbox, transform={"account.name": "truncate:3"})
    await sandbox.patch(f"{API}accounts({account})", json={"name": "Contoso"})
    assert (await read(sandbox, f"accounts({account})"))["name"] == "Con"
    await control(sandbox, "DELETE", f"records/account/{account}")
    methods = [entry["request"]["method"] for entry in await ledger_of(sandbox, "account")]
    assert methods == ["POST", "PERSON", "PATCH", "PERSON"]
    wrong = await sandbox.patch(f"/_sandbox/records/account/{account}", json={"name": "z"})
    assert wrong.status_code == 404


@pytest.mark.parametrize("table", ["account", "contact", "lead", "opportunity", "invoice"])
async def test_tasks_and_notes_hang_on_rows(sandbox: httpx.AsyncClient, table: str):
    sets = {"opportunity": "opportunities"}
    row = await new(sandbox, sets.get(table, f"{table}s"))
    bind = f"/{sets.get(table, f'{table}s')}({row})"
    task = await new(sandbox, "tasks", subject="Call", **{f"regardingobjectid_{table}_task@odata.bind": bind})
    await new(sandbox, "annotations", subject="Note", **{f"objectid_{table}@odata.bind": bind})
    shown = await read(sandbox, f"tasks({task})")
    assert (shown["_regardingobjectid_value"], shown["activityid"]) == (row, task)
    query = {"$select": "activityid", "$filter": f"regardingobjectid_{table}_task/{table}id eq {row}"}
    assert len((await read(sandbox, "tasks", **query))["value"]) == 1
    columns = f"{API}{sets.get(table, f'{table}s')}?$select=new_recordengineurl,new_documentconfidence"
    assert (await sandbox.get(columns)).status_code == 200
