"""Masters that live on both sides: no loops, whatever a system makes of our values; conflicts that end the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from typer.testing import CliRunner

from headrace.cli.demo.deployment import CRM, ERP
from headrace.cli.main import app
from tests.faults.harness import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

ACCOUNT = "BOTH-1"
KEY = f"dataAreaId=usmf,CustomerAccount={ACCOUNT}"
POLLS = {"CustomersV3": {"seconds": 1}, "ReleasedProductsV2": {"seconds": 1}, "SalesOrderHeadersV2": {"seconds": 1}}
OWNERSHIP = {"customer": {"number": ERP, "name": "review", "*": "latest"}, "product": {"*": ERP}}


@pytest.fixture(scope="module")
def trade(deploy_once):
    deployment = deploy_once(connections={ERP: {"polls": POLLS}}, ownership=OWNERSHIP)
    deployment.crm.post("settings", {"transform": {"product.prices": "round:1"}})
    trade = Trade(deployment, deals=20)
    deployment.start_services()
    yield trade
    trade.close()


@pytest.fixture(scope="module")
def organization(trade):
    """A customer of the ERP that the CRM got from it, with each side changing what it is given."""
    crm, erp = trade.deployment.crm, trade.deployment.erp
    made = {"organization.name": "truncate:12", "organization.custom.Email": "fold", "product.prices": "round:1"}
    crm.post("settings", {"transform": made})
    erp.post("settings", {"transform": {"CustomersV3.PrimaryContactPhone": "truncate:9"}})
    customer = {
        "dataAreaId": "usmf",
        "CustomerAccount": ACCOUNT,
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        "PartyType": "Organization",
        "OrganizationName": "Northwind Traders of Oslo",
        "TaxExemptNumber": "NO999888777",
        "PrimaryContactEmail": "Orders@Northwind.example",
    }
    erp.post("seed", {"records": {"CustomersV3": [customer]}})
    trade.wait_until(lambda: any(shown(trade)), "the customer in the CRM")
    (found,) = [row for row in trade.team.records("organization") if row["custom"].get("Account number") == ACCOUNT]
    return found["id"]


def shown(trade):
    """Return the organization as sellers see it, and the customer as clerks do."""
    rows = [row for row in trade.team.records("organization") if row["custom"].get("Account number") == ACCOUNT]
    return (rows[0], trade.deployment.erp.get(f"records/CustomersV3/{KEY}")["data"]) if rows else ()


def writes(trade, organization):
    """Return how often the record was written to on each side, by calls of its API."""
    records = {("organization", str(organization)), ("CustomersV3", KEY)}
    return [
        name
        for name, sandbox in ((CRM, trade.deployment.crm), (ERP, trade.deployment.erp))
        for entry in sandbox.ledger()
        if entry["request"]["method"] == "PATCH" and (entry["object"], str(entry["key"])) in records
    ]


def test_what_a_side_makes_of_our_values_never_comes_back_as_news(trade, organization):
    """The CRM cut the name and folded the address; the ERP's own stay as they are, whatever changes besides."""
    there, here = shown(trade)
    assert there["name"] == "Northwind Tr"
    assert there["custom"]["Email"] == "orders@northwind.example"

    trade.team.phone(organization, "+47 22 33 44 55")
    trade.wait_until(lambda: shown(trade)[1].get("PrimaryContactPhone") == "+47 22 33", "the number, cut, in the ERP")
    trade.deployment.erp.edit("CustomersV3", KEY, {"TaxExemptNumber": "NO999888770"})
    trade.wait_until(lambda: shown(trade)[0]["custom"].get("VAT number") == "NO999888770", "the tax number in the CRM")
    trade.quiet_verdict()

    there, here = shown(trade)
    assert here["OrganizationName"] == "Northwind Traders of Oslo"
    assert here["PrimaryContactEmail"] == "Orders@Northwind.example"
    assert there["custom"]["Phone"] == "+47 22 33 44 55"
    written = writes(trade, organization)
    assert written.count(ERP) == 1, "the telephone number, once"
    assert written.count(CRM) == 2, "the seller's own call, and the tax number"


def test_a_price_that_is_rounded_does_not_wander(trade, organization):
    item = trade.world.items[0]
    key = f"dataAreaId=usmf,ItemNumber={item.number}"
    trade.deployment.erp.edit("ReleasedProductsV2", key, {"SalesPrice": 17.36})

    def dollars():
        (row,) = [row for row in trade.team.records("product") if row["code"] == item.number]
        return next((Decimal(str(each["price"])) for each in row["prices"] if each["currency"] == "USD"), None)

    trade.wait_until(lambda: dollars() == Decimal("17.4"), "the rounded price in the CRM")
    trade.quiet_verdict()
    entries = trade.deployment.crm.ledger(object="product")
    updates = [each for each in entries if each["action"] == "update" and each["after"]["code"] == item.number]
    assert dollars() == Decimal("17.4")
    assert trade.deployment.erp.get(f"records/ReleasedProductsV2/{key}")["data"]["SalesPrice"] == 17.36
    assert len(updates) <= 4, "three companies tell the item, and one price changed"


def test_both_sides_edit_at_once_and_end_with_the_later_word(trade, organization):
    trade.deployment.erp.post("settings", {"transform": {}})
    trade.team.phone(organization, "1001")
    trade.deployment.erp.edit("CustomersV3", KEY, {"PrimaryContactPhone": "1002"})
    trade.wait_until(lambda: shown(trade)[0]["custom"].get("Phone") == "1002", "the ERP's later word in the CRM")
    trade.quiet_verdict()
    assert (shown(trade)[0]["custom"]["Phone"], shown(trade)[1]["PrimaryContactPhone"]) == ("1002", "1002")


def test_what_rules_cannot_settle_is_decided_by_a_human_for_both_sides(trade, organization):
    trade.deployment.crm.post("settings", {"transform": {}})
    trade.team.rename_organization(organization, "Northwind CRM")
    trade.deployment.erp.edit("CustomersV3", KEY, {"OrganizationName": "Northwind ERP"})
    runner = CliRunner()

    def review(*arguments):
        with trade.deployment.environ():
            return runner.invoke(app, ["review", *arguments], env={"COLUMNS": "250"})

    def canonical():
        rows = [line for line in review("list").stdout.splitlines() if "customer" in line]
        return rows[0].split("│")[1].strip() if rows else "none"

    trade.wait_until(lambda: "Northwind" in review("show", canonical()).stdout, "a review")
    shown_review = review("show", canonical()).stdout
    assert "Northwind CRM" in shown_review
    assert "Northwind ERP" in shown_review
    before = shown(trade)
    assert (before[0]["name"], before[1]["OrganizationName"]) == ("Northwind CRM", "Northwind ERP")
    assert review("resolve", canonical(), "--take", ERP, "--reason", "the registry says so").exit_code == 0
    trade.wait_until(lambda: shown(trade)[0]["name"] == "Northwind ERP", "the ERP's name in the CRM")
    trade.wait_until(lambda: "nothing waits" in review("list").stdout, "no review left")
    assert shown(trade)[1]["OrganizationName"] == "Northwind ERP"
    assert review("resolve", "no-such-id", "--take", ERP).exit_code == 3
