"""A company that keeps its orders in one currency: the ERP's rates are read, and orders wait for the one they need."""

from __future__ import annotations

import shutil
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from headrace.cli.demo.deployment import CRM, ERP
from headrace.cli.main import app
from headrace.core.ids import mint_canonical_id
from headrace.platform.paths import services_dir
from tests.faults.harness import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

RULE = "\nconvert: {to: {const: USD}, rate_type: {const: Default}, on: {copy: ordered_on}}\n"


@pytest.fixture
def trade(deploy, tmp_path):
    """A deployment whose ERP has mappings of its own: the shipped ones, and the rule."""
    mappings = tmp_path / "mappings"
    shutil.copytree(services_dir(), mappings)
    order = mappings / "dynamics_fo" / "mappings" / "sales_order.yaml"
    order.write_text(order.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    own = {"mappings": str(mappings), "polls": {"ExchangeRates": {"seconds": 1}}, "retry_seconds": 600.0}
    trade = Trade(deploy(connections={ERP: own}), deals=30)
    trade.deployment.start_services()
    yield trade
    trade.close()


def run(trade, *arguments):
    with trade.deployment.environ():
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def written(trade, obj):
    entries = trade.deployment.erp.ledger(object=obj)
    return [entry["after"] for entry in entries if entry["action"] == "create"]


def test_an_order_waits_for_its_rate_by_name_and_goes_out_converted(trade):
    deal = next(each for each in trade.world.deals if each.currency == "EUR")
    reference = trade.sell_this(deal)
    identifier = mint_canonical_id(CRM, "deal-order", reference.rpartition("/")[2])
    waiting = "exchange rate Default EUR/USD of"
    trade.wait_until(lambda: waiting in run(trade, "parked", ERP), "the order among what waits for a rate")
    assert identifier in run(trade, "parked", ERP)
    assert written(trade, "SalesOrderHeadersV2") == []

    rate = {"RateTypeName": "Default", "FromCurrency": "EUR", "ToCurrency": "USD", "Rate": 108.34}
    rate |= {"StartDate": "2020-01-01T12:00:00Z", "ConversionFactor": "Hundred"}
    trade.deployment.erp.post("seed", {"records": {"ExchangeRates": [rate]}})
    trade.wait_until(lambda: len(written(trade, "SalesOrderLines")) == len(deal.lines), "the order with its lines")
    (header,) = written(trade, "SalesOrderHeadersV2")
    assert (header["CurrencyCode"], header["CustomersOrderReference"]) == ("USD", reference)
    prices = sorted(Decimal(str(line["SalesPrice"])) for line in written(trade, "SalesOrderLines"))
    assert prices == sorted((line.price * Decimal("1.0834")).quantize(Decimal("0.000001")) for line in deal.lines)
    trade.wait_until(lambda: "at 100 EUR = 108.34 USD" in run(trade, "trace", identifier), "the rate in the trace")
