"""Queries: options, filters, expansions, pages, annotations."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import API, control, error_of, new, read, settings

CONTOSO = "aaaaaaaa-0000-0000-0000-000000000001"
BERG = "aaaaaaaa-0000-0000-0000-000000000002"
SEED: dict[str, Any] = {
    "records": {
        "account": [
            {"accountid": CONTOSO, "name": "Contoso", "revenue": 1000, "paymenttermscode": 1, "creditonhold": True},
            {"accountid": CONTOSO[:-1] + "3", "name": "Fabrikam", "revenue": 5, "new_documentdate": "2026-01-31"},
            {"accountid": CONTOSO[:-1] + "4", "name": "Adventure Works's"},
        ],
        "contact": [
            {"contactid": BERG, "firstname": "Ada", "lastname": "Berg", "_parentcustomerid_value": f"account/{CONTOSO}"}
        ],
        "opportunity": [
            {"name": "Deal", "_customerid_value": f"account/{CONTOSO}", "_parentcontactid_value": BERG},
            {"name": "Other", "_customerid_value": f"contact/{BERG}"},
        ],
    }
}


@pytest.fixture
async def crm(sandbox: httpx.AsyncClient) -> httpx.AsyncClient:
    seeded = await control(sandbox, "POST", "seed", SEED)
    deal = seeded["ids"]["opportunity"][0]
    for number in range(3):
        bind = {"objectid_opportunity@odata.bind": f"/opportunities({deal})"}
        await new(sandbox, "annotations", subject=f"Note {number}", **bind)
    return sandbox


async def names(client: httpx.AsyncClient, set_name: str, **params: str) -> list[str]:
    body = await read(client, set_name, **{"$orderby": "name", **params})
    return [row["name"] for row in body["value"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'CONTOSO'", ["Contoso"]),
        ("name ne 'Contoso'", ["Adventure Works's", "Fabrikam"]),
        ("contains(name,'brik')", ["Fabrikam"]),
        ("startswith(name,'con') or endswith(name,'works''s')", ["Adventure Works's", "Contoso"]),
        ("revenue gt 5 and creditonhold eq true", ["Contoso"]),
        ("revenue eq null", ["Adventure Works's"]),
        ("not (revenue ne null)", ["Adventure Works's"]),
        ("new_documentdate ge 2026-01-01", ["Fabrikam"]),
        ("createdon gt 2020-01-01T00:00:00Z and statecode eq 0", ["Adventure Works's", "Contoso", "Fabrikam"]),
        (f"accountid eq {CONTOSO}", ["Contoso"]),
        ("contact_customer_accounts/any(c:c/lastname eq 'Berg')", ["Contoso"]),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['Contoso','Fabrikam'])",
            ["Contoso", "Fabrikam"],
        ),
    ],
)
async def test_filters(crm: httpx.AsyncClient, text: str, expected: list[str]):
    assert await names(crm, "accounts", **{"$filter": text}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"_customerid_value eq {CONTOSO}", ["Deal"]),
        (f"_customerid_value ne {CONTOSO}", ["Other"]),
        ("_parentcontactid_value eq null", ["Other"]),
        ("parentcontactid/lastname eq 'berg'", ["Deal"]),
        ("customerid_account/name eq 'Contoso'", ["Deal"]),
    ],
)
async def test_filters_along_lookups(crm: httpx.AsyncClient, text: str, expected: list[str]):
    assert await names(crm, "opportunities", **{"$filter": text}) == expected


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"$filter": "nmae eq 'x'"}, "Could not find a property named 'nmae'"),
        ({"$filter": "name eq 5"}, "incompatible types"),
        ({"$filter": "name eq"}, "Syntax error"),
        ({"$filter": "name in ('a','b')"}, "not supported"),
        ({"$select": "primarycontactid"}, "primarycontactid"),
        ({"$expand": "PrimaryContactId"}, "PrimaryContactId"),
        ({"$skip": "5"}, "Skip is not supported"),
        ({"$top": "many"}, "non-negative integer"),
        ({"$orderby": "name sideways"}, "Syntax error"),
    ],
)
async def test_queries_that_are_refused(crm: httpx.AsyncClient, params: dict[str, str], words: str):
    response = await crm.get(f"{API}accounts", params=params)
    assert error_of(response) == (400, "0x80060888")
    assert words in response.json()["error"]["message"]


async def test_an_unknown_set(crm: httpx.AsyncClient):
    assert (await crm.get(f"{API}account")).status_code == 404


async def test_expansions(crm: httpx.AsyncClient):
    query = {
        "$select": "name",
        "$filter": "name eq 'Deal'",
        "$expand": "customerid_account($select=name),customerid_contact($select=fullname),"
        "Opportunity_Annotation($select=subject;$filter=subject ne 'Note 1';$orderby=subject desc;$top=1)",
    }
    (deal,) = (await read(crm, "opportunities", **query))["value"]
    assert (deal["customerid_account"]["name"], deal["customerid_contact"]) == ("Contoso", None)
    assert [note["subject"] for note in deal["Opportunity_Annotation"]] == ["Note 2"]
    below = await read(crm, f"opportunities({deal['opportunityid']})/Opportunity_Annotation", **{"$select": "subject"})
    assert len(below["value"]) == 3
    parent = await read(crm, f"opportunities({deal['opportunityid']})/customerid_account")
    assert parent["name"] == "Contoso"


async def test_pages_go_on_where_they_ended(crm: httpx.AsyncClient):
    headers = {"Prefer": "odata.maxpagesize=2"}
    params = {"$select": "name", "$orderby": "name", "$top": "1", "$count": "true"}
    first = (await crm.get(f"{API}accounts", params=params, headers=headers)).json()
    assert ([row["name"] for row in first["value"]], first["@odata.count"]) == (["Adventure Works's", "Contoso"], 3)
    assert "$skiptoken=" in first["@odata.nextLink"]
    await new(crm, "accounts", name="Aaa, before what was read")
    assert (await crm.delete(f"{API}accounts({first['value'][0]['accountid']})")).status_code == 204
    second = (await crm.get(first["@odata.nextLink"], headers=headers)).json()
    assert [row["name"] for row in second["value"]] == ["Fabrikam"]
    assert "@odata.nextLink" not in second
    broken = await crm.get(f"{API}accounts", params={"$skiptoken": "2"})
    assert error_of(broken) == (400, "0x80040203")


async def test_counts(crm: httpx.AsyncClient):
    assert (await crm.get(f"{API}accounts/$count")).text == "3"
    await settings(crm, count_limit=2)
    headers = {"Prefer": 'odata.include-annotations="*"'}
    body = (await crm.get(f"{API}accounts", params={"$count": "true", "$top": "1"}, headers=headers)).json()
    assert (body["@odata.count"], body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"]) == (2, True)
    assert len(body["value"]) == 1


async def test_annotations(crm: httpx.AsyncClient):
    headers = {"Prefer": 'odata.include-annotations="*"'}
    params = {"$filter": "name eq 'Deal'"}
    (deal,) = (await crm.get(f"{API}opportunities", params=params, headers=headers)).json()["value"]
    assert deal["_customerid_value@OData.Community.Display.V1.FormattedValue"] == "Contoso"
    assert deal["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert deal["_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "customerid_account"
    assert deal["statuscode@OData.Community.Display.V1.FormattedValue"] == "In Progress"
    only = {"Prefer": 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'}
    contoso = (await crm.get(f"{API}accounts({CONTOSO})", headers=only)).json()
    assert contoso["revenue@OData.Community.Display.V1.FormattedValue"] == "$1,000.00"
    assert contoso["creditonhold@OData.Community.Display.V1.FormattedValue"] == "Yes"
    assert not [name for name in contoso if "Microsoft.Dynamics" in name]


async def test_columns_come_and_go(crm: httpx.AsyncClient):
    await control(crm, "POST", "tables/account/columns", {"name": "new_region", "size": 3})
    account = await new(crm, "accounts", name="x", new_region="abc")
    assert error_of(await crm.post(f"{API}accounts", json={"new_region": "abcd"})) == (400, "0x80044331")
    await control(crm, "PATCH", "tables/account/columns/new_region", {"size": 4})
    assert (await crm.patch(f"{API}accounts({account})", json={"new_region": "abcd"})).status_code == 204
    await control(crm, "DELETE", "tables/account/columns/new_region")
    assert error_of(await crm.patch(f"{API}accounts({account})", json={"new_region": "a"})) == (400, "0x80048d19")
    await control(crm, "POST", "tables/account/columns", {"name": "new_region", "size": 3})
    assert (await read(crm, f"accounts({account})"))["new_region"] is None
