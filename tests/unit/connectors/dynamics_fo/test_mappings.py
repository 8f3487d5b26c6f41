"""The shipped mappings: what a canonical event becomes in F&O, and an F&O record in canonical words."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import OBJECTS
from headrace.connectors.dynamics_fo.transforms import transforms
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.ids import marker
from headrace.core.rates import Quote
from headrace.mapping.checking import check
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import load
from headrace.mapping.outward import map_out
from headrace.mapping.results import Mapped, Plan, Skipped
from headrace.platform.schemas import Schemas

ROOT = Path(__file__).parents[4]
OUT = ROOT / "services" / "dynamics_fo" / "mappings"
IN = ROOT / "services" / "ingest" / "mappings" / "dynamics_fo"
CONFIG = DynamicsFoConfig(
    environment_url="https://contoso.operations.dynamics.com",
    tenant_id="t",
    client_id="c",
    client_secret="s",
    legal_entities=["usmf"],
    dimension_format={"dimensions": ["Department", "CostCenter"], "aliases": {"Cost center": "CostCenter"}},
)
FUNCTIONS = transforms(CONFIG)
LINKS = {
    ("cust-1", "CustomersV3", "USMF"): "dataAreaId=usmf,CustomerAccount=US-001",
    ("prod-1", "ReleasedProductsV2", "USMF"): "dataAreaId=usmf,ItemNumber=BK-1",
}


class Context:
    connection = "erp"

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        return LINKS.get((canonical_id, obj, "USMF" if scope is None else scope))

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        return None

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        return None

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return f"{entity}/{obj}/{external_id}"


def event(entity: str, **data: Any) -> CanonicalEvent:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    meta = Meta("e1", entity, "canon-1", "crm", "deal", "7", "1", now, now, Change.UPSERT, "USMF", tuple(data), "")
    return CanonicalEvent(meta, data)


def plan(entity: str, **data: Any) -> Plan:
    document = load(OUT / f"{entity}.yaml")
    assert isinstance(document, OutMapping)
    made = map_out(document, event(entity, **data), Context(), FUNCTIONS)
    assert isinstance(made, Plan)
    return made


def read(name: str, entity: str, **data: Any) -> Mapped:
    document = load(IN / f"{name}.{entity}.yaml")
    assert isinstance(document, InMapping)
    mapped = map_in(document, Record(Ref(name, "x"), data), Context(), FUNCTIONS)
    assert isinstance(mapped, Mapped)
    return mapped


@pytest.mark.parametrize("path", [*sorted(OUT.glob("*.yaml")), *sorted(IN.glob("*.yaml"))], ids=lambda path: path.name)
def test_every_name_exists_on_both_sides(path: Path) -> None:
    document = load(path)
    fields = Schemas(ROOT / "schemas").entity_fields(document.entity)
    assert check(document, fields, OBJECTS, transforms()) == []


REFERENCE = {"entity": "customer", "canonical_id": "cust-1", "name": "Contoso"}
PRODUCT = {"entity": "product", "canonical_id": "prod-1", "number": "BK-1"}
ORDER: dict[str, Any] = {
    "status": "confirmed",
    "reference": "PD-crm-7",
    "title": "A deal with a title that is a good deal longer than sixty characters",
    "customer": REFERENCE,
    "currency": "usd",
    "requested_delivery_on": date(2026, 12, 24),
    "dimensions": [{"name": "Cost center", "value": "007"}, {"name": "Department", "value": "R-D"}],
    "lines": [
        {
            "line_id": "L1",
            "product": PRODUCT,
            "quantity": Decimal(4),
            "unit": "pcs",
            "unit_price": Decimal("19.99"),
            "discount_amount": Decimal(10),
        },
        {
            "line_id": "L2",
            "product": PRODUCT,
            "quantity": Decimal(1),
            "unit_price": Decimal(5),
            "discount_percent": Decimal("12.5"),
        },
    ],
}


class TestSalesOrder:
    def test_header_and_lines(self) -> None:
        header, first, second = plan("sales_order", **ORDER).steps
        assert header.fields == {
            "dataAreaId": "usmf",
            "OrderingCustomerAccountNumber": "US-001",
            "CurrencyCode": "USD",
            "CustomersOrderReference": "PD-crm-7",
            "DefaultShippingSiteId": "1",  # the company's own, since the order names none
            "DefaultShippingWarehouseId": "11",
            "SalesOrderName": "A deal with a title that is a good deal longer than sixty c…",
            "RequestedReceiptDate": date(2026, 12, 24),
            "TotalDiscountAmount": Decimal(0),
            "TotalDiscountPercentage": Decimal(0),
            "DefaultLedgerDimensionDisplayValue": "R\\-D-007",
        }
        assert header.marker == {"dataAreaId": "usmf", "CustomersOrderReference": "PD-crm-7"}
        assert "SalesOrderNumber" not in header.fields
        assert first.step == "line:L1"
        assert first.fields["LineDiscountAmount"] == Decimal("2.5"), "per unit, not per line"
        assert first.fields["LineDiscountPercentage"] == 0
        assert first.fields["SalesUnitSymbol"] == "ea"
        assert first.fields["ItemNumber"] == "BK-1"
        assert second.fields["LineDiscountPercentage"] == Decimal("12.5")
        assert second.fields["LineDiscountAmount"] == 0
        assert set(second.marker) == {"dataAreaId", "SalesOrderNumber", "OrderLineReference"}
        assert "SalesTaxItemGroupCode" not in first.fields

    def test_an_order_that_is_not_confirmed_waits(self) -> None:
        document = load(OUT / "sales_order.yaml")
        assert isinstance(document, OutMapping)
        made = map_out(document, event("sales_order", **{**ORDER, "status": "open"}), Context(), FUNCTIONS)
        assert made == Skipped("order-not-confirmed")

    def test_all_missing_records_are_told_with_their_keys(self) -> None:
        stranger = {**PRODUCT, "canonical_id": "prod-2", "number": "BK-2"}
        lines = [{**ORDER["lines"][0], "product": stranger}]
        made = plan("sales_order", **{**ORDER, "lines": lines, "customer": {**REFERENCE, "canonical_id": "cust-2"}})
        assert [(each.object, each.by) for each in made.missing] == [
            ("CustomersV3", ()),
            ("ReleasedProductsV2", ({"dataAreaId": "usmf", "ItemNumber": "BK-2"},)),
        ]

    @pytest.mark.parametrize("field", ["customer", "currency", "reference"])
    def test_what_an_order_cannot_do_without(self, field: str) -> None:
        with pytest.raises(RejectRecord, match="required field is empty"):
            plan("sales_order", **{**ORDER, field: None})

    @pytest.mark.parametrize("field", ["product", "quantity", "unit_price"])
    def test_what_a_line_cannot_do_without(self, field: str) -> None:
        with pytest.raises(RejectRecord, match="required field is empty"):
            plan("sales_order", **{**ORDER, "lines": [{**ORDER["lines"][0], field: None}]})


class TestCustomer:
    def test_an_organisation_with_its_address(self) -> None:
        address = {"street": "Hauptstr. 1", "city": "Köln", "postal_code": "50667", "country": "de"}
        (step,) = plan("customer", name="Söhne GmbH", tax_number="DE123", address=address, email=None).steps
        assert step.fields == {
            "dataAreaId": "usmf",
            "CustomerGroupId": "10",
            "SalesCurrencyCode": "USD",
            "PartyType": "Organization",
            "OrganizationName": "Söhne GmbH",
            "NameAlias": marker("canon-1", 18),
            "TaxExemptNumber": "DE123",
            "PrimaryContactEmail": None,
            "AddressDescription": "Primary",
            "AddressStreet": "Hauptstr. 1",
            "AddressCity": "Köln",
            "AddressZipCode": "50667",
            "AddressCountryRegionId": "DEU",
        }
        assert step.match == ({"dataAreaId": "usmf", "TaxExemptNumber": "DE123"},)
        assert len(step.fields["NameAlias"]) <= 20

    def test_a_person(self) -> None:
        (step,) = plan("customer", name="Zoë Müller", kind="person", first_name="Zoë", last_name="Müller").steps
        assert step.fields["PartyType"] == "Person"
        assert (step.fields["PersonFirstName"], step.fields["PersonLastName"]) == ("Zoë", "Müller")
        assert "OrganizationName" not in step.fields

    def test_a_person_with_one_name_has_it_once(self) -> None:
        (first,) = plan("customer", name="Zoë", kind="person", first_name="Zoë").steps
        assert (first.fields["PersonFirstName"], "PersonLastName" in first.fields) == ("Zoë", False)
        (whole,) = plan("customer", name="Zoë", kind="person").steps
        assert whole.fields["PersonLastName"] == "Zoë"

    def test_an_address_without_country_takes_the_company_s(self) -> None:
        (step,) = plan("customer", name="A", address={"city": "Ames"}).steps
        assert step.fields["AddressCountryRegionId"] == "USA"


class TestContact:
    def test_a_person_at_a_customer(self) -> None:
        (step,) = plan(
            "contact", name="Zoë Müller", last_name="Müller", email="z@example.com", customer=REFERENCE
        ).steps
        assert step.fields["AssociatedCustomer"] == "dataAreaId=usmf,CustomerAccount=US-001"
        assert step.marker == {"dataAreaId": "usmf", "ContactPersonId": marker("canon-1", 18)}
        assert step.match == (
            {
                "dataAreaId": "usmf",
                "PrimaryEmailAddress": "z@example.com",
                "AssociatedCustomer": "dataAreaId=usmf,CustomerAccount=US-001",
            },
        )


class TestIncoming:
    def test_customer(self) -> None:
        mapped = read(
            "CustomersV3",
            "customer",
            dataAreaId="usmf",
            CustomerAccount="US-001",
            OrganizationName="Contoso",
            PartyType="Organization",
            TaxExemptNumber=" de 123 ",
            OnHoldStatus="All",
            SalesCurrencyCode="USD",
            CreditLimit=Decimal(1000),
            CreditLimitIsMandatory=False,
            AddressCity="Köln",
            AddressCountryRegionId="DEU",
            DefaultDimensionDisplayValue="R\\-D-",
            PrimaryContactEmail=None,
        )
        data = mapped.data
        assert (data["number"], data["name"], data["kind"]) == ("US-001", "Contoso", "organization")
        assert data["credit_limit"] == {"amount": Decimal(1000), "currency": "USD"}
        assert data["on_hold"] is True
        assert data["address"]["country"] == "DE"
        assert data["dimensions"] == [{"name": "Department", "value": "R-D"}]
        assert data["email"] is None
        assert "phone" not in data
        assert mapped.legal_entity == "usmf"
        assert mapped.natural_keys == {"tax_number": "de 123"}

    def test_product_price_is_for_one_unit(self) -> None:
        mapped = read(
            "ReleasedProductsV2",
            "product",
            dataAreaId="usmf",
            ItemNumber="1000",
            ProductName="Screw",
            ProductType="Item",
            SalesUnitSymbol="ea",
            SalesPrice=Decimal("12.5"),
            SalesPriceQuantity=Decimal(100),
            SalesPriceDate=None,
            UnitCost=Decimal(0),
        )
        assert mapped.data["name"] == "Screw"
        assert mapped.data["kind"] == "item"
        (price,) = mapped.data["prices"]
        assert price["price"] == {"amount": Decimal("0.125"), "currency": "USD"}
        assert mapped.data.get("cost") is None
        assert mapped.natural_keys == {"number": "1000"}

    def test_a_product_without_base_price_has_none(self) -> None:
        mapped = read(
            "ReleasedProductsV2",
            "product",
            dataAreaId="usmf",
            ItemNumber="1000",
            SalesUnitSymbol="ea",
            SalesPrice=Decimal(0),
            SalesPriceQuantity=Decimal(0),
        )
        assert not mapped.data.get("prices")

    @pytest.mark.parametrize(
        ("status", "processing", "canonical"),
        [
            ("Backorder", "Active", "open"),
            ("Backorder", "Confirmed", "confirmed"),
            ("Delivered", "Delivered", "delivered"),
            ("Invoiced", "Invoiced", "invoiced"),
            ("Canceled", "Active", "cancelled"),
            ("Backorder", "SomethingOwn", "SomethingOwn"),
        ],
    )
    def test_order_status(self, status: str, processing: str, canonical: str) -> None:
        mapped = read(
            "SalesOrderHeadersV2",
            "sales_order",
            dataAreaId="usmf",
            SalesOrderNumber="SO-1",
            CustomersOrderReference="PD-crm-7",
            SalesOrderStatus=status,
            SalesOrderProcessingStatus=processing,
            OrderingCustomerAccountNumber="A,1",
            OrderCreationDateTime=datetime(2026, 11, 21, 23, tzinfo=UTC),
        )
        assert mapped.data["status"] == canonical
        assert mapped.data["customer"]["external_id"] == "dataAreaId=usmf,CustomerAccount=A%2C1"
        assert mapped.data["ordered_on"] == date(2026, 11, 21)
        assert mapped.occurred_at == datetime(2026, 11, 21, 23, tzinfo=UTC)
        assert "lines" not in mapped.asserted
