"""What `ping` says about what administrators set up and about what mappings need; each line is made to fail."""

from typing import Any

import pytest

from headrace.core.contracts import Check, CheckState
from headrace.core.needs import FieldNeed, Needs
from tests.contract.dynamics_fo.world import World

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL
CLIENT = "00000000-0000-0000-0000-00000000cafe"
EVENT = "SalesInvoicePostedBusinessEvent"


def written(obj: str, name: str, **more: Any) -> FieldNeed:
    return FieldNeed(obj, name, "mappings/it.yaml:7", writes=True, **more)


CUSTOMER = written("CustomersV3", "OrganizationName", types=frozenset({"string"}))
CONTACT = written("ContactPersons", "ContactPersonId", searched=True)
HEADER = written("SalesOrderHeadersV2", "CurrencyCode")
LINE = written("SalesOrderLines", "ItemNumber")


async def checks(
    sandbox: World, *needs: FieldNeed, companies: dict[str, str] | None = None, **changes: Any
) -> dict[str, Check]:
    found = await sandbox.connect(**changes).ping(Needs(needs, companies or {}))
    assert all(check.remedy for check in found if check.state is not PASS), "whatever does not pass has a remedy"
    return {check.name: check for check in found}


async def user(sandbox: World, **about: Any) -> dict[str, Any]:
    """Make an application that is mapped to a user of its own; returns how a connection signs in with it."""
    client = {"client_id": CLIENT, "client_secret": "clerk-secret", "user": "clerk", "roles": ["SALESCLERK"], **about}
    await sandbox.seed(clients=[client])
    return {"client_id": CLIENT, "client_secret": "clerk-secret"}


class TestUser:
    async def test_the_administrator(self, sandbox: World) -> None:
        found = await checks(sandbox, CUSTOMER)
        assert (found["user"].state, found["user"].detail) == (PASS, "Admin, en-us")
        assert found["roles"].state is PASS

    async def test_a_language_that_refusals_would_come_in(self, sandbox: World) -> None:
        line = (await checks(sandbox, **await user(sandbox, language="de")))["user"]
        assert line.state is FAIL
        assert "clerk's language is de" in line.detail

    async def test_roles_of_which_nothing_tells_what_they_may(self, sandbox: World) -> None:
        line = (await checks(sandbox, CUSTOMER, **await user(sandbox)))["roles"]
        assert line.state is WARN
        assert "Salesclerk; no read tells whether they may write CustomersV3" in line.detail

    async def test_no_role(self, sandbox: World) -> None:
        assert (await checks(sandbox, CUSTOMER, **await user(sandbox, roles=[])))["roles"].state is FAIL

    @pytest.mark.parametrize("name", ["SysAADClients", "SystemUsers", "SecurityUserRoleAssociations"])
    async def test_sets_that_are_not_published(self, sandbox: World, name: str) -> None:
        await sandbox.fault("status", "GET", f"/data/{name}", status=404, times=None)
        found = await checks(sandbox, CUSTOMER)
        line = found["roles" if name == "SecurityUserRoleAssociations" else "user"]
        assert line.state is WARN
        assert "System administration" in line.remedy

    async def test_an_application_that_is_mapped_to_nobody(self, sandbox: World) -> None:
        await sandbox.seed(clients=[{"client_id": CLIENT, "client_secret": "clerk-secret"}])
        found = await checks(sandbox, client_id=CLIENT, client_secret="clerk-secret")
        assert list(found) == ["TLS", "sign-in"]
        assert "Microsoft Entra applications" in found["sign-in"].remedy


class TestNumberSequences:
    async def test_all_as_the_mappings_need_them(self, sandbox: World) -> None:
        found = await checks(sandbox, CUSTOMER, CONTACT, HEADER, LINE)
        lines = {name: check for name, check in found.items() if name.startswith("number sequence")}
        assert len(lines) == 8, "four sequences in two companies"
        assert all(check.state is PASS for check in lines.values())
        assert lines["number sequence of ContactPersons.ContactPersonId in demf"].detail.endswith("by hand")

    async def test_of_objects_that_are_not_written_nothing_is_asked(self, sandbox: World) -> None:
        assert not [name for name in await checks(sandbox) if name.startswith("number sequence")]

    @pytest.mark.parametrize(
        ("need", "field", "mode", "words"),
        [
            (CUSTOMER, "CustomersV3.CustomerAccount", "none", "none is assigned"),
            (CUSTOMER, "CustomersV3.CustomerAccount", "manual", "is manual, and the mapping gives no number"),
            (HEADER, "SalesOrderHeadersV2.SalesOrderNumber", "manual", "is manual, and the mapping gives no number"),
            (LINE, "SalesOrderLines.InventoryLotId", "none", "none is assigned"),
            (CONTACT, "ContactPersons.ContactPersonId", "auto", "allows no numbers by hand"),
        ],
    )
    async def test_one_that_does_not_do(
        self, sandbox: World, need: FieldNeed, field: str, mode: str, words: str
    ) -> None:
        await sandbox.seed(number_sequences={field: {"companies": {"demf": {"mode": mode}}}})
        found = await checks(sandbox, need)
        assert found[f"number sequence of {field} in usmf"].state is PASS
        line = found[f"number sequence of {field} in demf"]
        assert line.state is FAIL
        assert words in line.detail
        assert "Organization administration > Number sequences" in line.remedy

    async def test_one_whose_name_is_not_certain(self, sandbox: World) -> None:
        await sandbox.seed(number_sequences={"SalesOrderHeadersV2.SalesOrderNumber": {"mode": "none"}})
        line = (await checks(sandbox, HEADER))["number sequence of SalesOrderHeadersV2.SalesOrderNumber in usmf"]
        assert (line.state, line.detail) == (WARN, "none is found under SalesIdBase or SalesId")

    async def test_one_that_is_nearly_used_up(self, sandbox: World) -> None:
        await sandbox.seed(number_sequences={"CustomersV3.CustomerAccount": {"next": 999_990}})
        found = await checks(sandbox, CUSTOMER)
        assert found["number sequence of CustomersV3.CustomerAccount in usmf"].detail.endswith("9 numbers left")

    async def test_one_that_is_stopped(self, sandbox: World) -> None:
        row = {"NumberSequenceCode": "usmf1", "ScopeType": "DataArea", "ScopeValue": "usmf", "Stopped": "Yes"}
        await sandbox.seed(records={"SequenceV2Tables": [row]})
        found = await checks(sandbox, CUSTOMER)
        assert "is stopped" in found["number sequence of CustomersV3.CustomerAccount in usmf"].detail

    async def test_an_environment_that_does_not_publish_them(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/NumberSequencesV2References", status=404, times=None)
        line = (await checks(sandbox, CONTACT))["number sequence of ContactPersons.ContactPersonId"]
        assert line.state is WARN
        assert "allow manual numbers" in line.remedy


class TestFields:
    async def test_all_are_there(self, sandbox: World) -> None:
        assert (await checks(sandbox, CUSTOMER))["fields of CustomersV3"].state is PASS

    @pytest.mark.parametrize(
        ("need", "words"),
        [
            (written("CustomersV3", "LoyaltyNumber"), "this version lacks it (named in mappings/it.yaml:7)"),
            (FieldNeed("CustomersV3", "LoyaltyNumber", "mappings/it.yaml:7"), "this version lacks it"),
            (written("CustomersV3", "CreditLimit", types=frozenset({"boolean"})), "is of type Real here"),
            (written("SalesOrderHeadersV2", "SalesOrderStatus"), "cannot be written here"),
        ],
    )
    async def test_one_that_is_not_right(self, sandbox: World, need: FieldNeed, words: str) -> None:
        line = (await checks(sandbox, need))[f"field {need.object}.{need.name}"]
        assert line.state is FAIL
        assert words in line.detail

    async def test_one_that_is_known_to_be_absent(self, sandbox: World) -> None:
        need = FieldNeed("CustomersV3", "LoyaltyNumber", "mappings/it.yaml:7")
        found = await checks(sandbox, need, absent_fields={"CustomersV3": ["LoyaltyNumber"]})
        assert found["fields of CustomersV3"].state is PASS

    async def test_one_that_is_required_and_not_written(self, sandbox: World) -> None:
        line = (await checks(sandbox, CUSTOMER))["required fields of CustomersV3"]
        assert line.state is WARN
        assert "CustomerGroupId" in line.detail

    async def test_an_environment_without_that_metadata(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/metadata/", status=404, times=None)
        assert (await checks(sandbox, CUSTOMER))["fields of CustomersV3"].state is WARN


class TestMappedValues:
    async def test_what_is_there(self, sandbox: World) -> None:
        found = await checks(
            sandbox,
            written("CustomersV3", "CustomerGroupId", values=("10",)),
            written("CustomersV3", "SalesCurrencyCode", by_company={"usmf": "USD", "demf": "EUR"}),
            written("SalesOrderHeadersV2", "DefaultShippingSiteId", by_company={"usmf": "1", "demf": "1"}),
        )
        for name in ("CustomerGroupId", "SalesCurrencyCode"):
            assert found[f"CustomersV3.{name}"].state is PASS
        assert found["SalesOrderHeadersV2.DefaultShippingSiteId"].detail == "usmf: 1; demf: 1"

    async def test_what_one_company_lacks(self, sandbox: World) -> None:
        await sandbox.seed(records={"CustomerGroups": [{"dataAreaId": "usmf", "CustomerGroupId": "30"}]})
        line = (await checks(sandbox, written("CustomersV3", "CustomerGroupId", values=("30",))))[
            "CustomersV3.CustomerGroupId"
        ]
        assert (line.state, line.detail) == (FAIL, "demf has no 30, which the mapping writes (mappings/it.yaml:7)")

    async def test_a_warehouse_of_another_company(self, sandbox: World) -> None:
        need = written("SalesOrderHeadersV2", "DefaultShippingWarehouseId", by_company={"usmf": "11", "demf": "24"})
        assert (await checks(sandbox, need))["SalesOrderHeadersV2.DefaultShippingWarehouseId"].state is FAIL

    async def test_a_currency_that_is_not_the_ledgers(self, sandbox: World) -> None:
        need = written("CustomersV3", "SalesCurrencyCode", by_company={"usmf": "USD", "demf": "CHF"})
        line = (await checks(sandbox, need))["CustomersV3.SalesCurrencyCode"]
        assert line.state is WARN
        assert "demf: CHF, its ledger EUR" in line.detail

    async def test_a_company_that_a_table_forgets(self, sandbox: World) -> None:
        need = written("CustomersV3", "SalesCurrencyCode", by_company={"usmf": "USD"})
        assert "demf" in (await checks(sandbox, need))["SalesCurrencyCode by legal entity"].detail

    async def test_a_company_that_mappings_name_and_nobody_serves(self, sandbox: World) -> None:
        found = await checks(sandbox, companies={"usmf": "in.yaml:3", "gbsi": "in.yaml:3"})
        assert found["legal entities of mappings"].detail == "not in legal_entities: gbsi (in in.yaml:3)"

    async def test_values_that_cannot_be_read(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/Ledgers", status=404, times=None)
        need = written("CustomersV3", "SalesCurrencyCode", by_company={"usmf": "USD", "demf": "EUR"})
        assert (await checks(sandbox, need))["CustomersV3.SalesCurrencyCode"].state is WARN


class TestRest:
    @pytest.mark.parametrize(("ahead", "state"), [(0, PASS), (-120, WARN), (-1200, FAIL)])
    async def test_the_clock(self, sandbox: World, ahead: int, state: CheckState) -> None:
        (await sandbox.admin.post("/_sandbox/clock", json={"advance_seconds": ahead})).raise_for_status()
        assert (await checks(sandbox))["clock"].state is state

    async def test_tls(self, sandbox: World) -> None:
        line = (await checks(sandbox))["TLS"]
        assert line.state is PASS
        assert "TLSv1.3, certificate of localhost until" in line.detail

    async def test_a_certificate_that_nobody_trusts(self, sandbox: World) -> None:
        found = await checks(sandbox, verify=True)
        assert found["TLS"].state is FAIL
        assert "verify" in found["TLS"].remedy

    async def test_no_webhook(self, sandbox: World) -> None:
        assert (await checks(sandbox, webhook=None))["business events"].state is WARN

    async def test_an_event_that_is_not_active_in_one_company(self, sandbox: World) -> None:
        endpoint = {"name": "headrace", "url": "http://127.0.0.1:9/hooks"}
        active = {"event": EVENT, "endpoint": "headrace", "legal_entity": "usmf"}
        await sandbox.seed(business_events={"endpoints": [endpoint], "configurations": [active]})
        found = await checks(sandbox)
        assert found[f"business event {EVENT} in usmf"].state is PASS
        assert found[f"business event {EVENT} in demf"].state is FAIL

    async def test_business_events_that_are_not_published(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/BusinessEvents", status=404, times=None)
        line = (await checks(sandbox))["business events"]
        assert line.state is WARN
        assert "System administration > Setup > Business events" in line.remedy
