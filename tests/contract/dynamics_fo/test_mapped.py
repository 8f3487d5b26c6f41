"""The shipped mappings against the sandbox: canonical events arrive, and come back in canonical words."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.core.contracts import Action, Operation, Written
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.rates import Quote
from headrace.core.refs import decode_key
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import load
from headrace.mapping.outward import fill, map_out
from headrace.mapping.results import Mapped, Plan
from headrace.testing.harness import source_of, target_of
from tests.contract.dynamics_fo.world import World

ROOT = Path(__file__).parents[3]
OUT = ROOT / "services" / "dynamics_fo" / "mappings"
IN = ROOT / "services" / "ingest" / "mappings" / "dynamics_fo"
LINKED = {
    ("product", "ReleasedProductsV2"): "dataAreaId=usmf,ItemNumber=1000",
}


class Links:
    """Links as the pipeline would keep them, by canonical id and object."""

    connection = "erp"

    def __init__(self) -> None:
        self.known = dict(LINKED)

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        return self.known.get((canonical_id, obj))

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        return None

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        return None

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return next((key[0] for key, value in self.known.items() if value == external_id), external_id)


async def write(
    connection: DynamicsFoConnection, links: Links, entity: str, canonical_id: str, **data: Any
) -> dict[str, Written]:
    """Do what the pipeline does with an event, without its protocol."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    meta = Meta("e", entity, canonical_id, "crm", entity, "7", "", now, now, Change.UPSERT, "USMF", tuple(data), "")
    document = load(OUT / f"{entity}.yaml")
    assert isinstance(document, OutMapping)
    plan = map_out(document, CanonicalEvent(meta, data), links, connection.transforms)
    assert isinstance(plan, Plan)
    assert plan.missing == ()
    done: dict[str, Written] = {}
    for planned in plan.steps:
        answers = {name: {**each.record, **decode_key(each.target_id)} for name, each in done.items()}
        step = fill(planned, answers)
        key = {name: step.fields[name] for name in step.marker}
        operation = Operation(
            "0" * 32, "erp", entity, canonical_id, step.step, Action.CREATE, step.object, step.fields, key
        )
        target = target_of(connection)
        target.check(operation)
        assert await target.find(operation) is None
        done[step.step] = await target.apply(operation)
        found = await target.find(operation)
        assert found is not None
        assert found.target_id == done[step.step].target_id
        links.known.setdefault((canonical_id, step.object), found.target_id)
    return done


async def test_customer_contact_and_order_arrive_and_come_back(sandbox: World) -> None:
    connection, links = sandbox.connect(), Links()
    customer = {"entity": "customer", "canonical_id": "customer-1"}
    await write(
        connection,
        links,
        "customer",
        "customer-1",
        name="Söhne & Töchter GmbH",
        tax_number="DE 123",
        currency="EUR",
        address={"street": "Hauptstr. 1", "city": "Köln", "country": "DE"},
        dimensions=[{"name": "Cost center", "value": "007"}],
    )
    await write(connection, links, "contact", "contact-1", name="Zoë Müller", first_name="Zoë", customer=customer)
    lines = [
        {
            "line_id": "L1",
            "product": {"entity": "product", "canonical_id": "product", "number": "1000"},
            "quantity": Decimal(4),
            "unit_price": Decimal("19.99"),
            "discount_amount": Decimal(10),
            "site": "1",
            "warehouse": "11",
        },
        {
            "line_id": "L2",
            "product": {"entity": "product", "canonical_id": "product", "number": "1000"},
            "quantity": Decimal(2),
            "unit_price": Decimal(50),
            "discount_percent": Decimal("12.5"),
            "site": "1",
            "warehouse": "11",
        },
    ]
    done = await write(
        connection,
        links,
        "sales_order",
        "order-1",
        status="confirmed",
        reference="PD-crm-7",
        title="A deal",
        customer=customer,
        currency="EUR",
        requested_delivery_on=date(2026, 12, 24),
        dimensions=[{"name": "Department", "value": "R-D"}],
        lines=lines,
    )
    assert [done[name].record["LineAmount"] for name in ("line:L1", "line:L2")] == [Decimal("69.96"), Decimal("87.5")]
    assert not any("@differs" in written.record for written in done.values())
    assert len(await sandbox.ledger("SalesOrderHeadersV2")) == 1
    assert len(await sandbox.ledger("SalesOrderLines")) == 2

    record = await source_of(connection).fetch(Ref("SalesOrderHeadersV2", done["header"].target_id))
    assert record is not None
    document = load(IN / "SalesOrderHeadersV2.sales_order.yaml")
    assert isinstance(document, InMapping)
    order = map_in(document, record, links, connection.transforms)
    assert isinstance(order, Mapped)
    assert (order.data["reference"], order.data["status"], order.data["currency"]) == ("PD-crm-7", "open", "EUR")
    assert order.data["customer"]["canonical_id"] == "customer-1"
    assert order.data["requested_delivery_on"] == date(2026, 12, 24)

    back = await source_of(connection).fetch(Ref("CustomersV3", links.known["customer-1", "CustomersV3"]))
    assert back is not None
    document = load(IN / "CustomersV3.customer.yaml")
    assert isinstance(document, InMapping)
    mapped = map_in(document, back, links, connection.transforms)
    assert isinstance(mapped, Mapped)
    assert mapped.data["name"] == "Söhne & Töchter GmbH"
    assert mapped.data["address"]["country"] == "DE"
    assert mapped.data["dimensions"] == [{"name": "CostCenter", "value": "007"}]
    assert mapped.natural_keys["tax_number"] == "de 123"
