"""What operators do, with the commands that they have: see what is parked and why, mend it, follow a record."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from headrace.cli.demo.deployment import CRM, ERP
from headrace.cli.demo.world import Deal, DealLine, Item, released_product
from headrace.cli.main import app
from headrace.core.ids import mint_canonical_id
from tests.faults.harness import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


class Desk:
    """An operator's terminal at a deployment that trades."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.trade = Trade(deployment, deals=20)
        deployment.start_services()

    def run(self, *arguments, code=0):
        with self.deployment.environ():
            result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    def order_id(self, deal):
        return mint_canonical_id(CRM, "deal-order", str(deal))

    def parked(self, deal):
        identifier = self.order_id(deal)
        self.trade.wait_until(lambda: identifier in self.run("parked", ERP), f"order of deal {deal} in the parking")
        return self.run("parked", ERP)

    def order(self, deal):
        reference = f"{CRM}/deal/{deal}"
        found = [
            entry["after"]
            for entry in self.deployment.erp.ledger(object="SalesOrderHeadersV2")
            if entry["action"] == "create" and entry["after"].get("CustomersOrderReference") == reference
        ]
        return found[0] if found else None

    def wait_order(self, deal):
        self.trade.wait_until(lambda: self.order(deal) is not None, f"order of deal {deal}")
        return self.order(deal)


@pytest.fixture(scope="module")
def desk(deploy_once):
    desk = Desk(deploy_once())
    yield desk
    desk.trade.close()


def number_of(reference):
    return int(reference.rsplit("/", 1)[1])


def test_an_unknown_product_parks_names_line_and_reason_and_resumes(desk):
    template = desk.trade.world.deals[0]
    item = Item("NEW-1", "Brand new wheel", template.lines[0].price)
    lines = (template.lines[0], DealLine(item, 2, item.price, template.lines[0].discount))
    desk.trade.team.add_item(item)
    deal = Deal("With something new", template.reseller, template.currency, lines, template.department)
    number = desk.trade.team.enter(deal)
    desk.trade.won[f"{CRM}/deal/{number}"] = deal
    desk.trade.team.win(number)

    shown = desk.parked(number)
    assert "waiting" in shown
    assert 'line 2: product "NEW-1" is not in ReleasedProductsV2 of' in shown
    preview = desk.run("mapping", "preview", ERP, "--key", desk.order_id(number))
    assert "waits: line 2" in preview
    assert "not written yet" in preview
    assert desk.order(number) is None

    company = deal.reseller.company
    desk.deployment.erp.post(
        "seed",
        {
            "records": {
                "ProductsV2": [{"ProductNumber": "NEW-1", "ProductName": "Brand new wheel"}],
                "ReleasedProductsV2": [released_product(item, company)],
            }
        },
    )
    desk.wait_order(number)
    desk.trade.wait_complete()
    story = desk.run("trace", f"{CRM}:deal-order:{number}")
    for words in ("normalise emitted", "park parked", "call done", "settle created"):
        assert words.split()[0] in story
        assert words.split()[1] in story
    assert "nothing is known" in desk.run("trace", "no-such-id", code=3)


def test_a_wrong_dimension_is_refused_before_the_call_or_by_the_erp_and_mended_by_edit(desk):
    template = desk.trade.world.deals[1]
    deal = replace(template, department="999")
    number = desk.trade.team.enter(deal)
    desk.trade.team.win(number)
    shown = desk.parked(number)
    assert "rejected" in shown
    assert "999" in shown
    dimensions = [{"name": "Department", "value": template.department}, {"name": "CostCenter", "value": "SALES"}]
    desk.run("edit", ERP, desk.order_id(number), json.dumps({"dimensions": dimensions}), "--reason", "typing error")
    order = desk.wait_order(number)
    assert order["DefaultLedgerDimensionDisplayValue"] == f"{template.department}-SALES"
    assert "edit by" in desk.run("trace", desk.order_id(number))
    desk.trade.won[f"{CRM}/deal/{number}"] = template


def test_an_order_that_was_written_is_not_touched_when_the_deal_changes(desk):
    (reference,) = desk.trade.sell(1)
    number = number_of(reference)
    desk.wait_order(number)
    desk.trade.wait_complete()
    before = len(desk.deployment.erp.ledger(object="SalesOrderHeadersV2"))
    desk.trade.team.rename(number, "Another title")
    shown = desk.parked(number)
    assert "review" in shown
    assert "SalesOrderName" in shown
    assert "Another title" in shown
    assert len(desk.deployment.erp.ledger(object="SalesOrderHeadersV2")) == before

    desk.run("resolve", ERP, desk.order_id(number), "--take", "source")
    ledger = desk.deployment.erp.ledger
    desk.trade.wait_until(
        lambda: any(entry["action"] == "update" for entry in ledger(object="SalesOrderHeadersV2")[before:]),
        "the update",
    )
    update = ledger(object="SalesOrderHeadersV2")[-1]
    assert update["fields"] == {"SalesOrderName": "Another title"}

    desk.trade.team.rename(number, "A third title")
    desk.parked(number)
    desk.run("resolve", ERP, desk.order_id(number), "--take", "target")
    desk.trade.wait_until(lambda: desk.order_id(number) not in desk.run("parked", ERP), "an empty parking")
    assert ledger(object="SalesOrderHeadersV2")[-1] == update


def test_a_poll_on_demand_finds_what_a_webhook_lost_and_emits_nothing_twice(desk):
    desk.deployment.crm.post("webhooks", {"drop_next": 50})
    (reference,) = desk.trade.sell(1)
    output = desk.run("poll", CRM, "deal")
    assert "deal:" in output
    desk.wait_order(number_of(reference))
    desk.deployment.crm.post("webhooks", {"drop_next": 0})
    desk.run("poll", CRM, "deal")
    verdict = desk.trade.quiet_verdict()
    assert not verdict.duplicated, verdict.as_json()
    assert not verdict.wrong, verdict.as_json()


def test_ping_says_what_works(desk):
    output = desk.run("ping", CRM)
    assert "pass crm: sign-in" in output.lower() or "pass" in output


def test_skip_settles_without_an_order(desk):
    template = desk.trade.world.deals[2]
    number = desk.trade.team.enter(replace(template, department="998"))
    desk.trade.team.win(number)
    desk.parked(number)
    desk.run("skip", ERP, desk.order_id(number), "--reason", "entered for training")
    desk.trade.wait_until(lambda: desk.order_id(number) not in desk.run("parked", ERP), "an empty parking")
    assert desk.order(number) is None
    assert "entered for training" in desk.run("trace", desk.order_id(number))


def test_sigterm_drains_and_loses_nothing(desk):
    desk.trade.sell(4)
    for name in ("receiver", "ingest", "processor"):
        assert desk.deployment.processes[name].terminate() == 0
    for name in ("receiver", "ingest", "processor"):
        desk.deployment.processes[name].start()
    for name in ("receiver", "ingest", "processor"):
        desk.deployment.processes[name].wait_ready()
    desk.trade.wait_complete()
    assert not desk.trade.quiet_verdict().duplicated


def test_preview_of_a_written_event_shows_what_and_why_and_writes_nothing(desk, tmp_path):
    meta = {
        "event_id": "e",
        "entity": "customer",
        "canonical_id": "not-there-yet",
        "connection": CRM,
        "object": "organization",
        "external_id": "4711",
        "source_version": "",
        "occurred_at": "2026-11-21T09:00:00Z",
        "observed_at": "2026-11-21T09:00:00Z",
        "change": "upsert",
        "legal_entity": "demf",
        "asserted": ["name", "kind", "tax_number"],
        "trace_id": "",
    }
    file = tmp_path / "event.json"
    file.write_text(
        json.dumps({"meta": meta, "data": {"name": "Neu GmbH", "kind": "organization", "tax_number": "DE9"}})
    )
    before = len(desk.deployment.erp.ledger())
    shown = desk.run("mapping", "preview", ERP, "--event", str(file))
    assert "OrganizationName" in shown
    assert "Neu GmbH" in shown
    assert "TaxExemptNumber" in shown
    assert "not written yet" in shown
    assert len(desk.deployment.erp.ledger()) == before
