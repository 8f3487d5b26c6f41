"""What connectors ask of the metadata besides columns: how lookups are bound, and who may do what."""

import httpx

from headrace.sandbox.dataverse.installation import CLIENT_ID, user_id
from tests.integration.sandbox.dataverse.server import control, read


async def test_lookups_with_the_names_that_bind_them(sandbox: httpx.AsyncClient) -> None:
    names = "ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
    path = "EntityDefinitions(LogicalName='opportunity')"
    listed = (await read(sandbox, f"{path}/ManyToOneRelationships", **{"$select": names}))["value"]
    expanded = await read(
        sandbox, path, **{"$select": "LogicalName", "$expand": f"ManyToOneRelationships($select={names})"}
    )
    assert expanded["ManyToOneRelationships"] == listed
    found = {
        each["ReferencedEntity"]: each["ReferencingEntityNavigationPropertyName"]
        for each in listed
        if each["ReferencingAttribute"] == "customerid"
    }
    assert found == {"account": "customerid_account", "contact": "customerid_contact"}


async def test_privileges_of_a_user_and_of_a_table(sandbox: httpx.AsyncClient) -> None:
    role = {"privileges": {"prvWriteInvoice": "none", "prvReadInvoice": "user"}}
    await control(sandbox, "POST", "roles/Headrace Integration", role)
    table = await read(sandbox, "EntityDefinitions(LogicalName='invoice')", **{"$select": "Privileges"})
    ids = {each["Name"]: each["PrivilegeId"] for each in table["Privileges"]}
    path = f"systemusers({user_id(CLIENT_ID)})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    granted = {each["PrivilegeId"]: each["Depth"] for each in (await read(sandbox, path))["RolePrivileges"]}
    assert ids["prvWriteInvoice"] not in granted
    assert granted[ids["prvReadInvoice"]] == "Basic"
    assert granted[ids["prvCreateInvoice"]] == "Global"
