"""The mappings on records as the account gives them, down to the Avro bytes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.pipedrive import CONNECTOR
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.mapping import InMapping, Mapped, Skipped, load, map_in
from headrace.platform.codec import Codec, event_to_record, record_to_event
from headrace.platform.paths import schemas_dir, services_dir
from headrace.platform.schemas import Schemas
from tests.contract.pipedrive.world import World, fetched

FOLDER = services_dir() / "ingest" / "mappings" / "pipedrive"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Context:
    connection = "crm"

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return f"{entity}:{obj}:{external_id}"


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec.offline(Schemas(schemas_dir()))


def document(name: str) -> InMapping:
    found = load(FOLDER / f"{name}.yaml")
    assert isinstance(found, InMapping)
    return found


def mapped(name: str, record: Record, codec: Codec) -> Mapped:
    """Return what a mapping gives, after its data went through Avro and came back."""
    found = map_in(document(name), record, Context(), CONNECTOR.transforms(None))
    assert isinstance(found, Mapped)
    back = through_avro(found, document(name).entity, codec)
    for field, value in found.data.items():
        if not isinstance(value, list | dict):
            assert back[field] == value
    return found


def through_avro(found: Mapped, entity: str, codec: Codec) -> dict[str, Any]:
    meta = Meta(
        "e", entity, "c", "crm", "deal", "1", "", NOW, NOW, Change.UPSERT, found.legal_entity, found.asserted, "0" * 32
    )
    _, record = codec.decode(codec.encode(f"canonical/{entity}.v1", event_to_record(CanonicalEvent(meta, found.data))))
    return record_to_event(record).data


async def deal(sandbox: World) -> Record:
    return await fetched(sandbox.source(), "deal", 1)


async def test_a_won_deal_is_an_order(sandbox: World, codec: Codec) -> None:
    found = mapped("deal.sales_order", await deal(sandbox), codec)
    data = found.data
    assert found.legal_entity == "demf"
    assert (data["reference"], data["status"], data["currency"]) == ("crm/deal/1", "confirmed", "EUR")
    assert data["customer"]["canonical_id"] == "customer:organization:1"
    assert data["contact"]["canonical_id"] == "contact:person:1"
    assert data["requested_delivery_on"] == date(2026, 12, 20)
    assert data["dimensions"] == [{"name": "Department", "value": "022"}]
    assert data["prices_include_tax"] is False
    first, second = data["lines"]
    assert (first["unit_price"], first["quantity"], first["discount_percent"]) == (Decimal("1200.5"), 2, 10)
    assert first["product"]["number"] == "BK-R1"
    assert (first["tax_percent"], first["unit"], first["line_id"]) == (19, "pcs", "1")
    assert (second["discount_amount"], second["comment"]) == (5, "red")
    assert "discount_percent" not in second


async def test_other_deals_are_not(sandbox: World) -> None:
    for status in ("open", "lost"):
        await sandbox.call("PATCH", "/api/v2/deals/1", status=status)
        found = map_in(document("deal.sales_order"), await deal(sandbox), Context(), CONNECTOR.transforms(None))
        assert found == Skipped(f"deal-is-{status}")


async def test_discounts_of_the_deal(sandbox: World, codec: Codec) -> None:
    for kind, amount in (("percentage", 10), ("percentage", 5), ("amount", 7.5)):
        await sandbox.call("POST", "/api/v2/deals/1/discounts", type=kind, amount=amount, description=kind)
    data = mapped("deal.sales_order", await deal(sandbox), codec).data
    assert data["discount_percent"] == Decimal("14.5")
    assert data["discount_amount"] == {"amount": Decimal("7.5"), "currency": "EUR"}


async def test_disabled_lines_and_inclusive_tax(sandbox: World, codec: Codec) -> None:
    await sandbox.call("PATCH", "/api/v2/deals/1/products/1", tax_method="inclusive")
    await sandbox.call("PATCH", "/api/v2/deals/1/products/2", is_enabled=False)
    data = mapped("deal.sales_order", await deal(sandbox), codec).data
    assert [line["line_id"] for line in data["lines"]] == ["1"]
    assert data["prices_include_tax"] is True


@pytest.mark.parametrize(
    ("deal_label", "organization_label", "currency", "expected"),
    [("usmf", "demf", "EUR", "usmf"), (None, "usmf", "EUR", "usmf"), (None, None, "EUR", "demf"),
     (None, None, "GBP", "gbsi"), (None, None, "USD", "usmf")],
)  # fmt: skip
async def test_legal_entity_of_a_deal(
    sandbox: World, codec: Codec, deal_label: str | None, organization_label: str | None, currency: str, expected: str
) -> None:
    record = await deal(sandbox)
    record.data["custom"]["Legal entity"] = deal_label
    record.data["org_custom"]["Legal entity"] = organization_label
    record.data["currency"] = currency  # type: ignore[index]
    assert mapped("deal.sales_order", record, codec).legal_entity == expected


async def test_an_unknown_legal_entity_is_refused_with_its_name(sandbox: World, codec: Codec) -> None:
    record = await deal(sandbox)
    record.data["custom"]["Legal entity"] = "Mars"
    with pytest.raises(RejectRecord, match="Mars"):
        mapped("deal.sales_order", record, codec)


async def test_a_deal_without_organization_or_lines(sandbox: World, codec: Codec) -> None:
    person = await sandbox.call("POST", "/api/v2/persons", name="Solo Buyer")
    new = {"title": "Bare", "person_id": person["id"], "status": "won"}
    bare = await sandbox.call("POST", "/api/v2/deals", **new)
    source = sandbox.source()
    found = mapped("deal.sales_order", await fetched(source, "deal", bare["id"]), codec)
    assert found.data["customer"]["canonical_id"] == f"customer:person-customer:{person['id']}"
    assert found.data["lines"] == []
    customer = mapped("person.customer", await fetched(source, "person", person["id"]), codec)
    assert (customer.data["kind"], customer.data["last_name"]) == ("person", "Buyer")


async def test_opportunity_customer_contact_product(sandbox: World, codec: Codec) -> None:
    source = sandbox.source()
    opportunity = mapped("deal.opportunity", await fetched(source, "deal", 1), codec).data
    assert (opportunity["stage"], opportunity["pipeline"], opportunity["status"]) == ("Qualified", "Sales", "won")
    assert opportunity["value"]["currency"] == "EUR"
    customer = mapped("organization.customer", await fetched(source, "organization", 1), codec)
    assert customer.natural_keys == {"tax_number": "de123456789"}
    assert customer.data["address"]["street"] == "Hauptstraße 1"
    assert (customer.data["address"]["country"], customer.legal_entity) == ("DE", "demf")
    empty = mapped("organization.customer", await fetched(source, "organization", 2), codec)
    assert (empty.data["name"], empty.legal_entity, empty.natural_keys) == ("Empty Ltd", "usmf", {})
    contact = mapped("person.contact", await fetched(source, "person", 1), codec)
    assert (contact.data["email"], contact.legal_entity, contact.natural_keys) == ("ada@example.com", "demf", {})
    product = mapped("product.product", await fetched(source, "product", 1), codec)
    assert product.data["prices"] == [{"price": {"amount": Decimal("1200.5"), "currency": "EUR"}}]
    assert product.natural_keys == {"number": "bk-r1"}


async def test_a_deleted_deal_maps_with_what_is_left(sandbox: World, codec: Codec) -> None:
    await sandbox.call("DELETE", "/api/v2/deals/1")
    record = await deal(sandbox)
    assert record.deleted
    assert mapped("deal.sales_order", record, codec).data["reference"] == "crm/deal/1"
