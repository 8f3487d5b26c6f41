"""Two CRMs and two ERPs in one deployment: what each accepts reaches it, and nothing else does.

Both pairs know the same reseller by its VAT number and the same items by their numbers, so that each is one identity
with records in all four: the hard case.
"""

from __future__ import annotations

import json
import shutil
from functools import partial

import pytest
from typer.testing import CliRunner

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CRM, ERP, SANDBOXES, Deployment
from headrace.cli.demo.world import draw, erp_seed
from headrace.cli.main import app
from headrace.platform.paths import services_dir
from headrace.testing import waiting

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

CRM_US, ERP_US = "crm-us", "erp-us"
PAIRS = {CRM: ERP, CRM_US: ERP_US}
COMPANY = {ERP: "usmf", ERP_US: "usrt"}
WORLD = draw(11, 20)
DEAL = next(deal for deal in WORLD.deals if deal.reseller.company == "usmf")
ITEM = DEAL.lines[0].item
FROM_CRM, FROM_ERP = ("customer", "contact", "sales_order"), ("customer", "product", "sales_order")
wait_until = partial(waiting.wait_until, seconds=60.0)


class Pair:
    """A CRM with its sales team, and the ERP that it sells for."""

    def __init__(self, crm, erp, sandboxes):
        self.crm, self.erp, self.sandboxes = crm, erp, sandboxes
        items = list(dict.fromkeys(line.item for line in DEAL.lines))
        seed = json.dumps(erp_seed(WORLD, items)).replace("usmf", COMPANY[erp])
        sandboxes.erp.post("seed", json.loads(seed))
        self.team = SalesTeam(sandboxes.crm.url, sandboxes.crm.post("seed", crm_seed()))
        self.company = COMPANY[erp]
        self.deal = 0

    def sell(self):
        wait_until(lambda: {line.item.number for line in DEAL.lines} <= set(self.team.learn_catalogue()), "the items")
        self.team.add_reseller(DEAL.reseller)
        self.deal = self.team.enter(DEAL)
        self.team.win(self.deal)

    @property
    def orders(self):
        entries = self.sandboxes.erp.ledger(object="SalesOrderHeadersV2")
        return [entry["after"] for entry in entries if entry["action"] == "create"]

    @property
    def customers(self):
        rows = [entry["after"] for entry in self.sandboxes.erp.ledger(object="CustomersV3")]
        return list({(row["dataAreaId"], row["CustomerAccount"]): row for row in rows}.values())

    @property
    def product(self):
        (row,) = [row for row in self.team.records("product") if row["code"] == ITEM.number]
        return {each["currency"]: each["price"] for each in row["prices"]}

    @property
    def number_on_the_deal(self):
        (row,) = [row for row in self.team.records("deal") if row["id"] == self.deal]
        return row["custom"].get("Sales order number")


def accepting(entities, connection, **more):
    return {"accepts": {entity: {"connections": [connection], **more} for entity in entities}}


def american_mappings(folder):
    """The shipped mappings for a company of another name; what sellers call "usmf" is that company to them."""
    shutil.copytree(services_dir(), folder)
    for path in folder.rglob("mappings/**/*.yaml"):
        text = path.read_text(encoding="utf-8").replace("usmf", "usrt").replace("usrt: usrt", "usmf: usrt")
        path.write_text(text, encoding="utf-8")
    return {"mappings": str(folder)}


@pytest.fixture(scope="module")
def branch(stack, tmp_path_factory):
    """The sandboxes of the second pair."""
    made = Deployment(stack, tmp_path_factory.mktemp("branch"))
    try:
        made.start_sandboxes()
        yield made
    finally:
        for name in SANDBOXES:
            made.processes[name].terminate()
        made.crm.close()
        made.erp.close()


@pytest.fixture(scope="module")
def deployment(deploy_once, branch, tmp_path_factory):
    own = american_mappings(tmp_path_factory.mktemp("mappings") / "us")
    second = branch._settings()["connections"]
    second[ERP]["config"]["legal_entities"] = [COMPANY[ERP_US]]
    often = {"polls": {name: {"seconds": 1} for name in ("organization", "person", "product", "deal")}}
    connections = {
        CRM: {**accepting(FROM_ERP, ERP), **often},
        ERP: accepting(FROM_CRM, CRM, legal_entities=["USMF", "demf", "gbsi"]),
        CRM_US: {**second[CRM], **accepting(FROM_ERP, ERP_US), **often, **own},
        ERP_US: {**second[ERP], **accepting(FROM_CRM, CRM_US), **own},
    }
    for name in (ERP, ERP_US):
        connections[name]["polls"] = {
            obj: {"seconds": 1} for obj in ("CustomersV3", "ReleasedProductsV2", "SalesOrderHeadersV2")
        }
    owners = {"customer": {"number": [ERP, ERP_US], "*": "latest"}, "product": {"*": [ERP, ERP_US]}}
    return deploy_once(connections=connections, ownership=owners)


@pytest.fixture(scope="module")
def pairs(deployment, branch):
    """Both pairs, each with one deal won; the services are up."""
    made = {CRM: Pair(CRM, ERP, deployment), CRM_US: Pair(CRM_US, ERP_US, branch)}
    deployment.start_services(("ingest", "processor", "crm-processor"))
    for pair in made.values():
        pair.sell()
    for pair in made.values():
        wait_until(lambda pair=pair: pair.number_on_the_deal, "the order's number on the deal")
    yield made
    for pair in made.values():
        pair.team.close()


def story(deployment, connection, obj, external_id):
    with deployment.environ():
        shown = CliRunner().invoke(app, ["trace", f"{connection}:{obj}:{external_id}"], env={"COLUMNS": "400"})
    assert shown.exit_code == 0, shown.output
    return shown.stdout


def refusals(told, target, source):
    """Count how often a target did not take what a source told, by a record's story."""
    return sum(target in line.split() and f"not taken from {source}" in line for line in told.splitlines())


@pytest.mark.parametrize("crm", PAIRS)
def test_a_deal_becomes_one_order_in_its_own_erp(pairs, crm):
    pair = pairs[crm]
    (order,) = pair.orders
    assert order["CustomersOrderReference"] == f"{crm}/deal/{pair.deal}"
    assert order["dataAreaId"] == pair.company, "the company that this connection's mapping names"
    assert pair.number_on_the_deal == order["SalesOrderNumber"]


@pytest.mark.parametrize("crm", PAIRS)
def test_a_reseller_is_one_customer_of_each_erp(pairs, crm):
    (customer,) = pairs[crm].customers
    assert (customer["dataAreaId"], customer["TaxExemptNumber"]) == (pairs[crm].company, DEAL.reseller.vat_number)


def test_both_pairs_know_one_reseller_and_tell_its_changes_to_their_own(deployment, pairs):
    record = (CRM_US, "organization", pairs[CRM_US].team.organizations[DEAL.reseller.account_number])
    before = story(deployment, *record)
    links = before.partition("at (UTC)")[0].split()
    assert {*PAIRS, *PAIRS.values()} <= set(links), "one identity with a record in each of the four"

    pairs[CRM_US].team.phone(record[2], "+1 555 0100")
    wait_until(lambda: pairs[CRM_US].customers[0].get("PrimaryContactPhone") == "+1 555 0100", "the number in erp-us")
    known = refusals(before, ERP, CRM_US)
    wait_until(lambda: refusals(story(deployment, *record), ERP, CRM_US) > known, "what erp decided")
    assert not pairs[CRM].customers[0].get("PrimaryContactPhone")


def test_a_price_reaches_the_sellers_of_its_own_erp(deployment, pairs, branch):
    record = (ERP_US, "ReleasedProductsV2", f"dataAreaId=usrt,ItemNumber={ITEM.number}")
    prices, known = pairs[CRM].product, refusals(story(deployment, *record), CRM, ERP_US)
    branch.erp.edit(*record[1:], {"SalesPrice": 4711.5})
    wait_until(lambda: pairs[CRM_US].product.get("USD") == 4711.5, "the price in crm-us")
    wait_until(lambda: refusals(story(deployment, *record), CRM, ERP_US) > known, "what crm decided")
    assert pairs[CRM].product == prices
