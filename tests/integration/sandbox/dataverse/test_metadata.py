"""What the service says about itself, and customizations that it takes."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx

from tests.integration.sandbox.dataverse.server import API, control, error_of, new, read, running, sign_in

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
STRINGS = "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata"


async def test_csdl_names_types_ways_and_actions(sandbox: httpx.AsyncClient):
    document = ElementTree.fromstring((await sandbox.get(f"{API}$metadata")).text)  # noqa: S314
    types = {each.get("Name"): each for each in document.iter(f"{EDM}EntityType")}
    account = {each.get("Name"): each.get("Type") for each in types["account"].iter(f"{EDM}Property")}
    assert account["revenue"] == "Edm.Decimal"
    assert account["_primarycontactid_value"] == "Edm.Guid"
    ways = {each.get("Name"): each.get("Type") for each in types["opportunity"].iter(f"{EDM}NavigationProperty")}
    assert ways["customerid_contact"] == "mscrm.contact"
    assert ways["Opportunity_Annotation"] == "Collection(mscrm.annotation)"
    sets = {each.get("Name"): each.get("EntityType") for each in document.iter(f"{EDM}EntitySet")}
    assert sets["opportunities"] == "Microsoft.Dynamics.CRM.opportunity"
    assert "WinOpportunity" in {each.get("Name") for each in document.iter(f"{EDM}Action")}


async def test_definitions_of_tables(sandbox: httpx.AsyncClient):
    select = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,HasNotes,ChangeTrackingEnabled"
    task = await read(sandbox, "EntityDefinitions(LogicalName='task')", **{"$select": select})
    assert (task["EntitySetName"], task["PrimaryIdAttribute"]) == ("tasks", "activityid")
    tracked = await read(
        sandbox,
        "EntityDefinitions",
        **{"$select": "LogicalName", "$filter": "ChangeTrackingEnabled eq true and IsPrivate eq false"},
    )
    names = {each["LogicalName"] for each in tracked["value"]}
    assert {"account", "invoice"} <= names
    assert "organization" not in names
    expand = (
        "Attributes($select=LogicalName;$filter=LogicalName eq 'name'),Keys($select=SchemaName,EntityKeyIndexStatus)"
    )
    account = await read(sandbox, "EntityDefinitions(LogicalName='account')", **{"$expand": expand})
    assert [each["LogicalName"] for each in account["Attributes"]] == ["name"]
    assert account["Keys"] == []
    again = await read(sandbox, f"EntityDefinitions({account['MetadataId']})")
    assert again["LogicalName"] == "account"
    assert (await sandbox.get(f"{API}EntityDefinitions(LogicalName='nothing')")).status_code == 404
    assert error_of(await sandbox.get(f"{API}EntityDefinitions?$select=Nothing")) == (400, "0x80060888")


async def test_definitions_of_columns(sandbox: httpx.AsyncClient):
    texts = (await read(sandbox, STRINGS, **{"$select": "LogicalName,MaxLength"}))["value"]
    lengths = {each["LogicalName"]: each["MaxLength"] for each in texts}
    assert (lengths["accountnumber"], lengths["new_recordengineurl"]) == (20, 200)
    assert "revenue" not in lengths
    invoice = "EntityDefinitions(LogicalName='invoice')/Attributes"
    total = await read(sandbox, f"{invoice}(LogicalName='totalamount')")
    assert (total["AttributeType"], total["IsValidForUpdate"], total["IsValidForCreate"]) == ("Money", False, False)
    number = await read(sandbox, f"{invoice}(LogicalName='invoicenumber')", **{"$select": "IsValidForUpdate"})
    assert number["IsValidForUpdate"] is False
    day = await read(
        sandbox, f"{invoice}(LogicalName='new_documentdate')/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
    )
    assert (day["Format"], day["DateTimeBehavior"]) == ("DateOnly", {"Value": "DateOnly"})
    customer = await read(sandbox, f"{invoice}(LogicalName='customerid')")
    assert (customer["AttributeType"], customer["Targets"]) == ("Customer", ["account", "contact"])
    typed = {"$filter": "AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Boolean'", "$select": "LogicalName"}
    assert [each["LogicalName"] for each in (await read(sandbox, invoice, **typed))["value"]] == [
        "willcall",
        "ispricelocked",
    ]
    missing = await sandbox.get(f"{API}{invoice}(LogicalName='new_nothing')")
    assert missing.status_code == 404


async def test_options_of_choices(sandbox: httpx.AsyncClient):
    base = "EntityDefinitions(LogicalName='opportunity')/Attributes"
    found = await read(
        sandbox,
        f"{base}/Microsoft.Dynamics.CRM.StatusAttributeMetadata",
        **{"$select": "LogicalName", "$expand": "OptionSet($select=Options)"},
    )
    options = found["value"][0]["OptionSet"]["Options"]
    pairs = {each["Value"]: (each["State"], each["Label"]["UserLocalizedLabel"]["Label"]) for each in options}
    assert pairs[3] == (1, "Won")
    assert pairs[5] == (2, "Out-Sold")
    terms = await read(
        sandbox,
        "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='paymenttermscode')/"
        "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
        **{"$select": "LogicalName", "$expand": "OptionSet"},
    )
    assert [each["Value"] for each in terms["OptionSet"]["Options"]] == [1, 2, 3, 4]


async def test_columns_are_added_changed_and_removed(sandbox: httpx.AsyncClient):
    columns = f"{API}EntityDefinitions(LogicalName='account')/Attributes"
    body: dict[str, Any] = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "new_Region",
        "MaxLength": 10,
        "FormatName": {"Value": "Text"},
        "DisplayName": {"LocalizedLabels": [{"Label": "Region", "LanguageCode": 1033}]},
    }
    assert (await sandbox.post(columns, json=body)).status_code == 204
    assert (await sandbox.post(columns, json=body)).status_code == 400
    account = await new(sandbox, "accounts", name="x", new_region="north")
    full = (await sandbox.get(f"{columns}(LogicalName='new_region')")).json()
    changed = await sandbox.put(f"{columns}({full['MetadataId']})", json={**full, "MaxLength": 12})
    assert changed.status_code == 204
    assert (await sandbox.patch(f"{API}accounts({account})", json={"new_region": "x" * 12})).status_code == 204
    assert (await sandbox.delete(f"{columns}(LogicalName='new_region')")).status_code == 204
    assert error_of(await sandbox.patch(f"{API}accounts({account})", json={"new_region": "y"})) == (400, "0x80048d19")
    assert (await sandbox.delete(f"{columns}(LogicalName='name')")).status_code == 400


async def test_customizations_outlive_a_restart(tmp_path: Path):
    for first in (True, False):
        async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            await sign_in(client)
            if first:
                await control(client, "POST", "tables/invoice/columns", {"name": "new_total", "kind": "money"})
                await control(
                    client, "POST", "tables/invoice/keys", {"name": "new_key", "columns": ["new_documentnumber"]}
                )
                await control(client, "DELETE", "tables/lead/columns/new_documenttotal")
                await new(client, "invoices", name="I", new_total=5)
            (invoice,) = (await read(client, "invoices"))["value"]
            assert (invoice["new_total"], invoice["new_total_base"]) == (5, 5)
            keys = await read(client, "EntityDefinitions(LogicalName='invoice')/Keys")
            assert keys["value"][0]["KeyAttributes"] == ["new_documentnumber"]
            lead = await client.get(f"{API}leads?$select=new_documenttotal")
            assert lead.status_code == 400
            if not first:
                await control(client, "POST", "reset")
                await sign_in(client)
                assert (await client.get(f"{API}leads?$select=new_documenttotal")).status_code == 200
                assert (await client.get(f"{API}invoices?$select=new_total")).status_code == 400
