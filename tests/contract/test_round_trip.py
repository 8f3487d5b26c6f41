"""There and back: what one system tells, written to the other and told by that, changes nothing where it came from.

Each trip goes through the shipped mappings, Avro, and Pipedrive's merging of parts. A record in between holds what was
written and is empty elsewhere. What does differ is a named expectation here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.avidxchange import CONNECTOR as AVIDXCHANGE
from headrace.connectors.dynamics_fo import CONNECTOR as DYNAMICS_FO
from headrace.connectors.dynamics_fo.objects import OBJECTS
from headrace.connectors.pipedrive import CONNECTOR as PIPEDRIVE
from headrace.connectors.pipedrive.merging import is_part, whole
from headrace.connectors.recordengine import CONNECTOR as RECORDENGINE
from headrace.core import values
from headrace.core.contracts import Record
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.refs import encode_key
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import load
from headrace.mapping.outward import map_out
from headrace.mapping.results import Mapped, Plan, PlannedStep
from headrace.platform.codec import Codec, event_to_record, record_to_event
from headrace.platform.schemas import Schemas

ROOT = Path(__file__).parents[2]
SERVICES, CASES = ROOT / "services", Path(__file__).parent / "cases"
CODEC = Codec.offline(Schemas(ROOT / "schemas"))
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
CANONICAL_ID = "8f3b0f5e-0000-5000-8000-000000000001"
FO_CONFIG = DYNAMICS_FO.config.model_validate(values.load((CASES / "dynamics_fo/config.json").read_text("utf-8")))
RE_CONFIG = RECORDENGINE.config.model_validate(values.load((CASES / "recordengine/config.json").read_text("utf-8")))
TRANSFORMS = {
    "avidxchange": AVIDXCHANGE.transforms(None),
    "dynamics_fo": DYNAMICS_FO.transforms(FO_CONFIG),
    "pipedrive": PIPEDRIVE.transforms(None),
    "recordengine": RECORDENGINE.transforms(RE_CONFIG),
}


class Alone:
    """A world in which the record refers to nothing."""

    connection = "under-test"

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        raise AssertionError(f"{entity} {obj} {external_id} is referred to")

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        return None

    fact = rate = lambda self, *asked: None


class Known(Alone):
    """A world with these records: object and company → target id. What refers to one is called by its object and id."""

    def __init__(self, links: Mapping[tuple[str, str | None], str] | None = None) -> None:
        self._links = links or {}

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return f"{obj} {external_id}"

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        return self._links.get((obj, scope))


def told(mapping: str, data: Mapping[str, Any], world: Alone | None = None, *, before: bool = False) -> Mapped:
    """What a system's record says, of which an event was told before or not."""
    document = load(SERVICES / "ingest" / "mappings" / f"{mapping}.yaml")
    assert isinstance(document, InMapping)
    record = Record(Ref(document.object, "1"), data, modified_at=NOW)
    found = map_in(document, record, world or Alone(), TRANSFORMS[document.system], told=before)
    assert isinstance(found, Mapped)
    return found


def written(mapping: str, found: Mapped) -> PlannedStep:
    """What is written to a target because of it, as one record."""
    (step,) = steps(mapping, found)
    return step


def steps(mapping: str, found: Mapped, world: Alone | None = None) -> tuple[PlannedStep, ...]:
    """What is written to a target because of it."""
    system, _, entity = mapping.partition("/")
    document = load(SERVICES / system / "mappings" / f"{entity}.yaml")
    assert isinstance(document, OutMapping)
    meta = Meta(
        event_id="event-1",
        entity=entity,
        canonical_id=CANONICAL_ID,
        connection="under-test",
        object="record",
        external_id="1",
        source_version="",
        occurred_at=NOW,
        observed_at=NOW,
        change=Change.UPSERT,
        legal_entity=found.legal_entity,
        asserted=found.asserted,
        trace_id="",
    )
    encoded = CODEC.encode(f"canonical/{entity}.v1", event_to_record(CanonicalEvent(meta, found.data)))
    plan = map_out(document, record_to_event(CODEC.decode(encoded)[1]), world or Alone(), TRANSFORMS[system])
    assert isinstance(plan, Plan)
    assert not plan.missing
    return plan.steps


def customer_account(step: PlannedStep) -> dict[str, Any]:
    """The F&O record that a customer became: what was written, a number of F&O's own, and nothing else."""
    empty: dict[str, Any] = dict.fromkeys(OBJECTS["CustomersV3"].fields)
    return {**empty, "CreditLimit": Decimal(0), "CustomerAccount": "000017", **step.fields}


def updated(record: Mapping[str, Any], step: PlannedStep) -> dict[str, Any]:
    """The Pipedrive record after an update, whose merging is the connector's."""
    after = {**record, "custom": dict(record.get("custom") or {})}
    for name, value in step.fields.items():
        if name.startswith("custom."):
            after["custom"][name.removeprefix("custom.")] = value
        elif not is_part(name):
            after[name] = value
    parts = whole("record 1", step.fields, record)
    after |= parts
    for point in ("email", "phone"):
        if f"{point}s" in parts:
            after[point] = next((each["value"] for each in parts[f"{point}s"] if each["primary"]), None)
    return after


def differences(record: Mapping[str, Any], step: PlannedStep) -> dict[str, tuple[Any, Any]]:
    """Fields that a target holds differently than what is to be written: before and after."""
    found = {name: (values.lookup(record, name), value) for name, value in step.fields.items()}
    return {name: pair for name, pair in found.items() if not values.same(*pair) and name not in step.once}


def to_the_erp(mapping: str, record: Mapping[str, Any]) -> tuple[Mapped, PlannedStep]:
    """What a customer of the CRM tells, and what the ERP holds then."""
    found = told(mapping, record)
    return found, written("dynamics_fo/customer", found)


def and_back(held: PlannedStep) -> tuple[Mapped, PlannedStep]:
    """What the ERP tells of the customer that it holds, and what is to be written to the CRM."""
    found = told("dynamics_fo/CustomersV3.customer", customer_account(held))
    return found, written("pipedrive/customer", found)


ADDRESS = {"value": "1 Main St, Redmond", "route": "Main St", "street_number": "1", "locality": "Redmond"}
ADDRESS |= {"postal_code": "98052", "admin_area_level_1": "Washington", "country": "USA"}
GERMAN = {"value": "Hauptstr. 1, 50667 Köln", "route": "Hauptstr.", "street_number": "1", "subpremise": "2. OG"}
GERMAN |= {
    "locality": "Köln",
    "postal_code": "50667",
    "admin_area_level_1": "Nordrhein-Westfalen",
    "country": "Germany",
}
TYPED = {"value": "Storgata 1, 0155 Oslo"}
CUSTOM = {
    "VAT number": "US123",
    "Registration number": "HRB 1",
    "Legal entity": "usmf",
    "Email": "info@contoso.example",
}
CUSTOM |= {"Phone": "+1 425 1", "Account number": "000017", "Headrace id": CANONICAL_ID}
CONTOSO = {"id": 3, "name": "Contoso Bikes", "website": "https://contoso.example", "custom": CUSTOM, "address": None}
BARE = {"id": 3, "name": "Contoso Bikes", "custom": dict.fromkeys(CUSTOM), "address": None, "website": None}
ADA: dict[str, Any] = {"id": 4, "name": "Ada Berg", "first_name": "Ada", "last_name": "Berg", "custom": CUSTOM}
ADA |= {"email": "ada@example.com", "emails": [{"value": "ada@example.com", "primary": True, "label": "home"}]}
ADA |= {"phone": "+1 2", "phones": [{"value": "+1 2", "primary": True, "label": "mobile"}]}
ORGANIZATION, PERSON = "pipedrive/organization.customer", "pipedrive/person.customer"
STREET = "Hauptstr. 1\n2. OG"
TRIPS: dict[str, tuple[str, dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "organization": (ORGANIZATION, CONTOSO, {}),
    # The ERP adds its number, and we our mark.
    "organization that the ERP did not know": (
        ORGANIZATION,
        BARE,
        {"custom.Headrace id": (None, CANONICAL_ID), "custom.Account number": (None, "000017")},
    ),
    # Number and floor move into the street, and the line is made of the parts. A state without a code stays.
    "address": (
        ORGANIZATION,
        {**CONTOSO, "address": GERMAN},
        {
            "address.value": ("Hauptstr. 1, 50667 Köln", f"{STREET}, 50667, Köln, Germany"),
            "address.route": ("Hauptstr.", STREET),
            "address.street_number": ("1", None),
            "address.subpremise": ("2. OG", None),
        },
    ),
    # States become their codes, and a country gets the one name that we write.
    "address with a state": (
        ORGANIZATION,
        {**CONTOSO, "address": ADDRESS},
        {
            "address.value": ("1 Main St, Redmond", "Main St 1, 98052, Redmond, United States"),
            "address.route": ("Main St", "Main St 1"),
            "address.street_number": ("1", None),
            "address.admin_area_level_1": ("Washington", "WA"),
            "address.country": ("USA", "United States"),
        },
    ),
    # Nobody has split it yet: only its first part is taken for a street, and the ERP insists on a country.
    "address as typed": (
        ORGANIZATION,
        {**CONTOSO, "address": TYPED},
        {
            "address.value": ("Storgata 1, 0155 Oslo", "Storgata 1, United States"),
            "address.route": (None, "Storgata 1"),
            "address.country": (None, "United States"),
        },
    ),
    "person": (PERSON, ADA, {}),
    "person with a first name": (PERSON, {**ADA, "name": "Ada", "last_name": None}, {}),
    # The ERP has a place for a last name, and none for a name that is neither.
    "person with one name": (
        PERSON,
        {**ADA, "name": "Ada", "first_name": None, "last_name": None},
        {"last_name": (None, "Ada")},
    ),
    # The ERP puts the name of a person together of its parts.
    "person with a title": (PERSON, {**ADA, "name": "Dr. Ada Berg"}, {"name": ("Dr. Ada Berg", "Ada Berg")}),
}
"""Mapping, record of the CRM, and what is written there in place of what: all that may differ."""
NEWS = {
    "organization that the ERP did not know": {"number"},
    "address as typed": {"address"},
    "person with one name": {"last_name"},
    "person with a title": {"name"},
}
"""Canonical fields that the CRM tells in other words, once it holds all that."""


@pytest.mark.parametrize("trip", TRIPS)
def test_a_customer_comes_back_as_it_went(trip: str) -> None:
    mapping, record, expected = TRIPS[trip]
    first, held = to_the_erp(mapping, record)
    account, back = and_back(held)
    assert account.natural_keys == first.natural_keys, "they are one customer, even without a link"
    assert account.legal_entity == first.legal_entity
    assert differences(record, back) == expected

    again, held_again = to_the_erp(mapping, updated(record, back))
    assert {name for name in first.data if again.data[name] != first.data[name]} == NEWS.get(trip, set())
    assert differences(customer_account(held), held_again) == {}, "the ERP would be written again"
    assert and_back(held_again)[1] == back, "the CRM would be written again"


ITEM = {"dataAreaId": "usmf", "ItemNumber": "1000", "ProductName": "Screw", "ProductDescription": "M4"}
ITEM |= {"SalesUnitSymbol": "ea", "ProductGroupId": "CarAudio", "ProductType": "Item", "UnitCost": Decimal("0.07")}
ITEM |= {"SalesPrice": Decimal("12.5"), "SalesPriceQuantity": Decimal(100), "SalesPriceDate": NOW.date()}
ITEM |= {"SalesSalesTaxItemGroupCode": "ALL"}
STAYS = {"category", "kind", "cost", "item_tax_group"}
"""What the ERP alone knows of an item."""


@pytest.mark.parametrize("stopped", [True, False])
def test_an_item_comes_back_as_it_went(stopped: bool) -> None:
    item = {**ITEM, "IsSalesProcessingStopped": stopped}
    first = told("dynamics_fo/ReleasedProductsV2.product", item)
    back = told("pipedrive/product.product", updated({}, written("pipedrive/product", first)))
    assert back.natural_keys == first.natural_keys, "they are one product, even without a link"
    assert {name for name in first.data if back.data.get(name) != first.data[name]} == STAYS | {"prices", "blocked"}
    assert back.data["prices"] == [{"price": first.data["prices"][0]["price"]}], "without unit and first day"
    assert back.data["active"] is not stopped, "a seller sees that it cannot be sold, not why"

    assert written("pipedrive/product", back).fields == written("pipedrive/product", first).fields


def test_a_price_of_one_company_leaves_those_of_others() -> None:
    held: dict[str, Any] = {}
    for company, price in (("usmf", Decimal(1200)), ("demf", Decimal(1100)), ("usmf", Decimal(1300))):
        item = {**ITEM, "dataAreaId": company, "SalesPrice": price}
        held = updated(held, written("pipedrive/product", told("dynamics_fo/ReleasedProductsV2.product", item)))
    assert [(each["currency"], each["price"]) for each in held["prices"]] == [("USD", 13), ("EUR", 11)]


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("pipedrive/mappings/customer", "ingest/mappings/pipedrive/organization.customer"),
        ("dynamics_fo/mappings/customer", "ingest/mappings/dynamics_fo/CustomersV3.customer"),
    ],
)
def test_a_country_that_is_written_comes_back_as_itself(there: str, back: str) -> None:
    names = load(SERVICES / f"{there}.yaml").tables["countries"]
    codes = load(SERVICES / f"{back}.yaml").tables["countries"]
    assert {code: codes.get(str(name)) for code, name in names.items()} == {code: code for code in names}


def case(folder: str, name: str = "full") -> dict[str, Any]:
    """The record of a case."""
    data: dict[str, Any] = values.load((CASES / folder / name / "record.json").read_text("utf-8"))["data"]
    return data


def refers_to(reference: Mapping[str, Any]) -> tuple[str, str]:
    return reference["object"], reference["external_id"]


def link_of(step: PlannedStep) -> tuple[str, str]:
    """The name and id under which links know what a step wrote, where we choose its key."""
    return step.known_as, encode_key(step.marker)


def test_what_avidxchange_pays_is_what_it_was_told() -> None:
    """A vendor or an account that it names is known by the id that writing it there gave."""
    invoice = told("avidxchange/invoice.vendor_invoice", case("avidxchange/invoice.vendor_invoice"), Known())
    payment = told("avidxchange/payment.vendor_payment", case("avidxchange/payment.vendor_payment"), Known())
    vendor = told("dynamics_fo/VendorsV2.vendor", case("dynamics_fo/VendorsV2.vendor"))
    account = told("dynamics_fo/MainAccounts.ledger_account", case("dynamics_fo/MainAccounts.ledger_account"))

    known = link_of(written("avidxchange/vendor", vendor))
    assert refers_to(invoice.data["vendor"]) == refers_to(payment.data["vendor"]) == known
    codes = [link_of(step) for step in steps("avidxchange/ledger_account", account)]
    assert refers_to(invoice.data["lines"][0]["ledger_account"]) in codes


@pytest.mark.parametrize("name", ["full", "full-credit-memo", "full-capitals-beyond-ascii", "unicode"])
def test_a_posted_invoice_is_the_one_that_was_sent(name: str) -> None:
    """Nothing of ours is left on it: company, vendor, number and kind tell which it is."""
    first = told("avidxchange/invoice.vendor_invoice", case("avidxchange/invoice.vendor_invoice", name), Known())
    vendor = encode_key({"dataAreaId": "usmf", "VendorAccountNumber": first.data["vendor"]["number"]})
    account = "ChartOfAccounts=Shared,MainAccountId=601500"
    world = Known({("VendorsV2", "usmf"): vendor, ("MainAccounts", None): account})
    # Dimensions that no format has are another matter.
    lines = [{**line, "dimensions": []} for line in first.data["lines"]]
    sent = replace(first, data={**first.data, "lines": lines})
    header = steps("dynamics_fo/vendor_invoice", sent, world)[0].fields

    posted = {"dataAreaId": "USMF", "SourceKey": 7, "InvoiceId": header["InvoiceNumber"].lower()}
    posted |= {"InvoiceAccount": header["InvoiceAccount"].lower(), "InvoiceAmount": header["ImportedAmount"]}
    posted |= {"CurrencyCode": header["Currency"], "InvoiceDate": header["InvoiceDate"]}
    back = told("dynamics_fo/VendInvoiceJourBiEntities.vendor_invoice", posted, Known())
    assert first.natural_keys["document"]
    assert back.natural_keys == first.natural_keys
    assert back.data["total"] == first.data["total"]
    assert back.facts["due_on"] == header["InvoiceDate"].isoformat(), "payments settle it under its own date"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("full", "batch"),
        ("full-cleared-on-another-day-than-settled", "batch"),
        ("full-settled-by-its-status-alone", "batch"),
        ("full-day-of-payment-where-issued-ones-are-posted", "batch"),
        ("unicode", "batch"),
        ("full-void-after-settlement", "void_batch"),
        ("full-void-without-dates-after-it-was-told", "void_batch"),
    ],
)
def test_a_payment_names_the_batch_that_it_tells_of(name: str, field: str) -> None:
    """The batch rule stands in two mappings."""
    payment, before = case("avidxchange/payment.vendor_payment", name), name.endswith("-told")
    batch = told("avidxchange/payment.payment_batch", payment, Known(), before=before)
    named = told("avidxchange/payment.vendor_payment", payment, Known(), before=before).data[field]
    assert refers_to(named) == ("payment-batch", batch.id)


@pytest.mark.parametrize(("avid", "paper"), [("full", "full-vendor-that-the-erp-numbers")])
def test_an_invoice_of_two_sources_is_one(avid: str, paper: str) -> None:
    """The same paper through AvidXchange and through RecordEngine meets by company, vendor, number, kind and year."""
    first = told("avidxchange/invoice.vendor_invoice", case("avidxchange/invoice.vendor_invoice", avid), Known())
    second = told("recordengine/document.vendor_invoice", case("recordengine/document.vendor_invoice", paper), Known())
    assert first.natural_keys["document"]
    assert second.natural_keys["document"] == first.natural_keys["document"]
    assert second.data["total"] == first.data["total"]


def test_a_document_that_was_uploaded_names_the_opportunity_that_it_came_from() -> None:
    """What is read of it goes back to where the file was."""
    event = values.load((CASES / "recordengine/opportunity/full/event.json").read_text("utf-8"))
    found = Mapped(event["data"], tuple(event["data"]), None, None, None, {}, ())
    fields = written("recordengine/opportunity", found).fields
    kept = {**case("recordengine/document.document"), "external_refs": fields["external_refs"]}
    record_of = {system: {**ref, "url": ref["record_url"]} for system, ref in kept["external_refs"].items()}
    back = told("recordengine/document.document", {**kept, "external_refs": record_of}, Known())
    reference = back.data["external_references"]["dynamics"]
    assert (reference["record_type"], reference["record_id"]) == ("opportunity", "1")
