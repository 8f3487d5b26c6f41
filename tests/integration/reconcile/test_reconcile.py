"""`headrace reconcile` on real Kafka: what was lost, edited or deleted unheard is found, named, and mended if asked."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from headrace.cli.demo.deployment import CRM, ERP
from headrace.cli.main import app
from tests.faults.harness import Trade

pytestmark = pytest.mark.kafka

CRM_OBJECTS = ("organization", "person", "product", "deal")
ERP_OBJECTS = ("CustomersV3", "ReleasedProductsV2", "SalesOrderHeadersV2")


class Company:
    """A CRM whose webhooks are all that is heard of it, and an ERP that is read on demand alone."""

    def __init__(self, deployment):
        self.deployment, self.crm, self.erp = deployment, deployment.crm, deployment.erp
        self.trade = Trade(deployment, deals=4)
        self.team = self.trade.team
        deployment.start_services()
        self.done("load", ERP, "ReleasedProductsV2")
        for obj in ("product", "organization", "person"):
            self.done("load", CRM, obj)
        self.trade.sell(3)
        self.trade.wait_complete()
        self.done("poll", ERP, *ERP_OBJECTS)

    def run(self, *arguments):
        with self.deployment.environ():
            return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "250"})

    def done(self, *arguments):
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def reconcile(self, connection, *arguments):
        """Return the exit code and what was told: (direction, object, external id) → difference."""
        result = self.run("reconcile", connection, *arguments, "--json")
        assert result.exit_code in (0, 1), result.output
        told = json.loads(result.stdout)
        found = {(each["direction"], each["object"], each["external_id"]): each for each in told["differences"]}
        assert len(found) == len(told["differences"])
        return result.exit_code, found, told

    def lose_webhooks(self, count):
        self.crm.post("webhooks", {"drop_next": count})

    def wait_for_webhooks(self):
        """Wait until no webhook is on its way any more."""
        self.trade.wait_until(
            lambda: not self.crm.get("deliveries", state="waiting")["deliveries"], "the end of all deliveries"
        )

    def held(self, obj, field, value):
        (record,) = [each for each in self.erp.get(f"records/{obj}")["records"] if each["data"].get(field) == value]
        return record["key"], record["data"]


@pytest.fixture(scope="module")
def company(deploy_once):
    silent = {
        CRM: {"polls": {obj: {"seconds": 0} for obj in CRM_OBJECTS}},
        ERP: {"polls": {obj: {"seconds": 0} for obj in ERP_OBJECTS}},
    }
    company = Company(deploy_once(connections=silent))
    yield company
    company.trade.close()


def test_what_was_heard_is_the_same_in_both_directions(company):
    for name in (CRM, ERP):
        code, found, told = company.reconcile(name)
        assert (code, found) == (0, {}), found
        counted = {(each["direction"], each["object"], each["entity"]): each["records"] for each in told["counts"]}
        if name == CRM:
            assert counted["from", "organization", "customer"] == {"same": 18}
            assert counted["from", "deal", "sales_order"] == {"same": 3}
            assert counted["to", "product", "product"] == {"same": 24}
        else:
            assert counted["from", "CustomersV3", "customer"] == {"same": 18}
            assert counted["to", "SalesOrderHeadersV2", "sales_order"] == {"same": 3}
            assert counted["to", "ContactPersons", "contact"] == {"same": 18}


def test_one_object_can_be_compared_alone_and_a_wrong_one_is_told(company):
    code, found, told = company.reconcile(CRM, "organization")
    assert (code, found) == (0, {})
    assert {each["object"] for each in told["counts"]} == {"organization"}
    result = company.run("reconcile", CRM, "invoice")
    assert result.exit_code == 2
    assert "no mapping of crm reads or writes invoice" in result.output
    assert company.run("reconcile", "nowhere").exit_code == 2
    assert company.run("reconcile", CRM, "--wait").exit_code == 2


def mail_of(reseller):
    return f"orders@{reseller.account_number.lower()}.example.com"


@pytest.fixture(scope="module")
def unheard(company):
    """Let people work on both sides, with every webhook lost and nothing polled; return what they worked on."""
    company.lose_webhooks(1000)
    sold = {deal.reseller.account_number for deal in company.trade.won.values()}
    free = [number for number in company.team.organizations if number not in sold]
    by_number = {reseller.account_number: reseller for reseller in company.trade.world.resellers}
    renamed, deleted, edited, dropped = (by_number[number] for number in free[:4])
    team, crm, erp = company.team, company.crm, company.erp

    team.rename_organization(team.organizations[renamed.account_number], "Renamed unheard")
    crm.delete(f"records/organization/{team.organizations[deleted.account_number]}")
    fresh = team._call("POST", "/api/v2/organizations", {"name": "Entered unheard"})["id"]

    phone, _ = company.held("CustomersV3", "TaxExemptNumber", edited.vat_number)
    erp.edit("CustomersV3", phone, {"PrimaryContactPhone": "+47 999"})
    gone, _ = company.held("CustomersV3", "TaxExemptNumber", dropped.vat_number)
    erp.delete(f"records/CustomersV3/{gone}")
    contact, _ = company.held("ContactPersons", "PrimaryEmailAddress", mail_of(edited))
    erp.edit("ContactPersons", contact, {"EmploymentJobTitle": "Clerk"})
    mail, _ = company.held("ContactPersons", "PrimaryEmailAddress", mail_of(renamed))
    erp.edit("ContactPersons", mail, {"PrimaryEmailAddress": "somebody.else@example.com"})
    lost, _ = company.held("ContactPersons", "PrimaryEmailAddress", mail_of(deleted))
    erp.delete(f"records/ContactPersons/{lost}")
    company.wait_for_webhooks()
    company.lose_webhooks(0)
    return {
        "renamed": str(team.organizations[renamed.account_number]),
        "deleted": str(team.organizations[deleted.account_number]),
        "fresh": str(fresh),
        "phone": phone,
        "gone": gone,
        "mail": mail,
        "mail_before": mail_of(renamed),
        "lost": lost,
        "lost_mail": mail_of(deleted),
    }


def test_what_nobody_heard_is_found_and_named_in_both_directions(company, unheard):
    code, found, _ = company.reconcile(CRM)
    assert code == 1
    assert {place: each["verdict"] for place, each in found.items()} == {
        ("from", "organization", unheard["renamed"]): "told otherwise",
        ("from", "organization", unheard["deleted"]): "gone",
        ("to", "organization", unheard["deleted"]): "gone",
        ("from", "organization", unheard["fresh"]): "not told",
    }
    assert found["from", "organization", unheard["renamed"]]["fields"]["name"]["holds"] == "Renamed unheard"

    code, found, _ = company.reconcile(ERP)
    assert code == 1
    assert {place: each["verdict"] for place, each in found.items()} == {
        ("from", "CustomersV3", unheard["phone"]): "told otherwise",
        ("to", "CustomersV3", unheard["phone"]): "differs",
        ("from", "CustomersV3", unheard["gone"]): "gone",
        ("to", "CustomersV3", unheard["gone"]): "gone",
        ("to", "ContactPersons", unheard["mail"]): "differs",
        ("to", "ContactPersons", unheard["lost"]): "gone",
    }
    assert found["from", "CustomersV3", unheard["phone"]]["fields"] == {"phone": {"known": None, "holds": "+47 999"}}
    mail = found["to", "ContactPersons", unheard["mail"]]["fields"]
    assert mail == {"PrimaryEmailAddress": {"known": unheard["mail_before"], "holds": "somebody.else@example.com"}}


def test_people_get_a_table_and_as_many_lines_as_they_ask_for(company, unheard):
    result = company.run("reconcile", CRM, "organization", "--show", "1")
    assert result.exit_code == 1
    assert "told otherwise" in result.stdout
    assert "… and 3 more" in result.stdout
    assert "crm organization, from it: 3 differ, looked at again" in result.stderr


def test_a_repair_mends_the_crm_and_what_it_told_reaches_the_erp(company, unheard):
    code, found, told = company.reconcile(CRM, "--repair", "--wait")
    assert (code, found) == (0, {})
    assert sorted(told["repair"]["read_anew"]) == sorted(
        f"organization:{unheard[name]}" for name in ("renamed", "deleted", "fresh")
    )
    counted = {(each["direction"], each["object"], each["entity"]): each["records"] for each in told["counts"]}
    assert counted["from", "organization", "customer"] == {"same": 18, "known to be gone": 1}
    assert company.held("CustomersV3", "OrganizationName", "Renamed unheard")
    assert company.held("CustomersV3", "OrganizationName", "Entered unheard")


def test_a_repair_mends_the_erp_by_its_own_word_or_by_the_last_event(company, unheard):
    created = len([each for each in company.erp.ledger(object="CustomersV3") if each["action"] == "create"])
    code, found, told = company.reconcile(ERP, "--repair", "--wait")
    assert (code, found) == (0, {}), told
    assert len(told["repair"]["commands"]) == 2
    assert told["repair"]["left"] == []

    key, _ = company.held("ContactPersons", "PrimaryEmailAddress", unheard["lost_mail"])
    assert key == unheard["lost"], "found by the same mark, which is its key"
    assert (
        company.erp.get(f"records/ContactPersons/{unheard['mail']}")["data"]["PrimaryEmailAddress"]
        == (unheard["mail_before"])
    )
    phones = [row["custom"].get("Phone") for row in company.team.records("organization")]
    assert "+47 999" in phones, "the ERP's own word is taken: it is the later one"
    after = [each for each in company.erp.ledger(object="CustomersV3") if each["action"] == "create"]
    assert len(after) == created, "what the ERP deleted is not created again"


def test_afterwards_both_are_the_same(company, unheard):
    for name in (CRM, ERP):
        code, found, _ = company.reconcile(name)
        assert (code, found) == (0, {}), found


def test_without_its_workers_it_says_that_it_could_not_be_finished(company, unheard):
    company.team.rename_organization(int(unheard["renamed"]), "Renamed again")
    company.trade.wait_until(lambda: company.reconcile(CRM)[0] == 0, "the webhook's effect")
    company.deployment.processes["ingest"].terminate()
    company.team.rename_organization(int(unheard["renamed"]), "Renamed a third time")
    company.wait_for_webhooks()
    result = company.run("reconcile", CRM, "organization")
    assert result.exit_code == 3, result.output
    assert "no worker of ingest.crm is running" in result.output
