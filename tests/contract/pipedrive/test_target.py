"""Writing the sandbox over HTTP; its ledger says what really happened."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace.connectors.pipedrive.objects import OBJECTS
from headrace.core import values
from headrace.core.contracts import Action, Operation, Target
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.testing.suites import TargetSuite
from tests.contract.pipedrive.harness import PersonHarness, ProductHarness, harness
from tests.contract.pipedrive.world import World, fetched, operation

MARKER = {"custom.Headrace id": "HR-Ä-1"}


def create(obj: str = "organization", **fields: Any) -> Operation:
    name = "title" if obj == "deal" else "name"
    return operation(Action.CREATE, obj, {name: "Ünïcode & Söhne 🚲", **MARKER, **fields})


async def apply(target: Target, op: Operation) -> Any:
    target.check(op)
    return await target.apply(op)


class TestOrganizations(TargetSuite):
    not_applicable: ClassVar = {
        "change_after_the_token_ended_is_made_once": "an API token is valid until its user makes a new one",
        "natural_key_duplicate_is_already_there": "Pipedrive keeps no field of a record unique",
    }


class TestPersons(TargetSuite):
    not_applicable: ClassVar = TestOrganizations.not_applicable

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[PersonHarness]:
        async with harness(tmp_path, PersonHarness) as found:
            yield found


class TestProducts(TargetSuite):
    not_applicable: ClassVar = TestOrganizations.not_applicable

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[ProductHarness]:
        async with harness(tmp_path, ProductHarness) as found:
            yield found


class TestWrite:
    async def test_custom_fields_of_every_kind(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {
            "custom.Legal entity": "usmf",
            "custom.Regions": ["South"],
            "custom.Score": Decimal("4.5"),
            "custom.Requested delivery": date(2026, 12, 24),
            "custom.Budget": {"amount": Decimal("10.10"), "currency": "EUR"},
            "custom.Order status": "confirmed",
        }
        op = operation(Action.UPDATE, "deal", fields, "1")
        written = await apply(target, op)
        found = await target.find(op)
        assert found is not None
        for record in (written.record, found.record):
            assert {name for name, value in fields.items() if values.same(value, record[name])} == set(fields)
            assert values.matching(values.mark(fields), record) == set(fields)
        deal = await fetched(sandbox.source(), "deal", 1)
        assert values.matching(values.mark(fields), deal.data) == set(fields)
        assert deal.data["custom"]["Department"] == "022"  # the others stay

    async def test_clearing(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {"custom.Department": None, "custom.Regions": [], "custom.Legal entity": None, "custom.Budget": None}
        written = await apply(target, operation(Action.UPDATE, "deal", fields, "1"))
        deal = await sandbox.call("GET", "/api/v2/deals/1")
        for name in fields:
            assert deal["custom_fields"][sandbox.code("deal", name.removeprefix("custom."))] is None
            assert written.record[name] is None
        assert deal["custom_fields"][sandbox.code("deal", "Score")] == 5

    async def test_an_empty_change_is_not_sent(self, sandbox: World) -> None:
        """`"custom_fields": {}` would clear every custom field."""
        await apply(sandbox.target(), operation(Action.UPDATE, "deal", {}, "1"))
        assert await sandbox.requests("PATCH", "/api/v2/deals") == []

    async def test_a_person_with_its_organization(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {"first_name": "Ada", "last_name": "Berg", "email": "ada@example.com", "phone": "+49 1", "org_id": 1}
        op = create("person", **fields)
        written = await apply(target, op)
        found = await target.find(op)
        assert found is not None
        for record in (written.record, found.record):
            assert {name: record[name] for name in fields} == fields
        person = await sandbox.call("GET", f"/api/v2/persons/{written.target_id}")
        assert person["emails"] == [{"value": "ada@example.com", "primary": True, "label": "work"}]

    async def test_a_product_with_its_category(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {"code": "X-1", "unit": "pcs", "tax": Decimal(19), "is_linkable": False, "category_name": "Goods"}
        written = await apply(target, create("product", **fields))
        product = await fetched(sandbox.source(), "product", written.target_id)
        assert {name: product.data[name] for name in fields} == fields
        update = operation(Action.UPDATE, "product", {"category_name": None, "unit": None}, written.target_id)
        assert (await apply(target, update)).record["category_name"] is None


class TestParts:
    """What Pipedrive replaces as a whole is read right before, so that the rest stays (I8)."""

    async def test_parts_of_an_address(self, sandbox: World) -> None:
        before = (await sandbox.call("GET", "/api/v2/organizations/1"))["address"]
        fields = {"address.locality": "Bonn", "address.value": "Hauptstraße 1, Bonn", "address.subpremise": None}
        written = await apply(sandbox.target(), operation(Action.UPDATE, "organization", fields, "1"))
        after = (await sandbox.call("GET", "/api/v2/organizations/1"))["address"]
        assert after == {**before, "locality": "Bonn", "value": "Hauptstraße 1, Bonn"}
        assert {name: written.record[name] for name in fields} == fields

    async def test_the_primary_address_of_several(self, sandbox: World) -> None:
        fields = {"email": "new@example.com", "phone": None}
        written = await apply(sandbox.target(), operation(Action.UPDATE, "person", fields, "1"))
        person = await sandbox.call("GET", "/api/v2/persons/1")
        assert [(each["value"], each["primary"]) for each in person["emails"]] == [
            ("old@example.com", False),
            ("new@example.com", True),
        ]
        assert person["phones"] == []
        assert {name: written.record[name] for name in fields} == fields

    async def test_a_price_beside_others(self, sandbox: World) -> None:
        prices = [{"currency": "EUR", "price": 5, "cost": 2, "notes": "list"}, {"currency": "SEK", "price": 50}]
        await sandbox.call("PATCH", "/api/v2/products/1", prices=prices)
        fields = {"prices.USD": Decimal("9.99"), "prices.EUR": Decimal(6), "prices.SEK": None}
        op = operation(Action.UPDATE, "product", fields, "1")
        written = await apply(sandbox.target(), op)
        after = (await sandbox.call("GET", "/api/v2/products/1"))["prices"]
        told = [(each["currency"], each["price"], each["cost"], each["notes"]) for each in after]
        assert told == [("EUR", 6, 2, "list"), ("USD", 9.99, 0, "")]
        product = await fetched(sandbox.source(), "product", 1)
        for record in (written.record, product.data):
            assert values.matching(values.mark(fields), record) == set(fields)

    async def test_a_lost_reply_is_verified_and_repeated_without_harm(self, sandbox: World) -> None:
        target = sandbox.target()
        op = operation(Action.UPDATE, "product", {"prices.USD": Decimal(7)}, "1")
        await sandbox.fault("drop_reply", "PATCH", "/api/v2/products")
        with pytest.raises(OutcomeUnknown):
            await apply(target, op)
        found = await target.find(op)
        assert found is not None
        assert found.record["prices.USD"] == Decimal(7)
        await apply(target, op)
        after = (await sandbox.call("GET", "/api/v2/products/1"))["prices"]
        assert [(each["currency"], each["price"]) for each in after] == [("EUR", 1200.5), ("USD", 7)]

    async def test_only_parts_are_read_before(self, sandbox: World) -> None:
        await apply(sandbox.target(), operation(Action.UPDATE, "product", {"code": "X"}, "1"))
        assert await sandbox.requests("GET", "/api/v2/products/1") == []


class TestRefusals:
    @pytest.mark.parametrize("name", ["value", "currency", "products", "discounts"])
    async def test_nothing_financial_is_written_to_deals(self, sandbox: World, name: str) -> None:
        with pytest.raises(RejectRecord, match="financial"):
            await apply(sandbox.target(), operation(Action.UPDATE, "deal", {name: 1}, "1"))
        assert OBJECTS["deal"].writable == frozenset()

    @pytest.mark.parametrize(
        ("op", "words"),
        [
            (operation(Action.CREATE, "organization", {"name": "x"}), "marker"),
            (operation(Action.CREATE, "organization", {"name": "", **MARKER}), "required"),
            (operation(Action.UPDATE, "organization", {"name": None}, "1"), "required"),
            (operation(Action.UPDATE, "organization", {"nmae": "x"}, "1"), "nmae"),
            (operation(Action.UPDATE, "organization", {"name": "x"}, "1/merge"), "whole numbers"),
            (operation(Action.UPDATE, "organization", {"custom.Nope": "x"}, "1"), "Nope"),
            (operation(Action.UPDATE, "organization", {"custom.Rating": "Z"}, "1"), 'no option "Z" .there are: A, B'),
            (operation(Action.UPDATE, "organization", {"custom.VAT number": "9" * 256}, "1"), "255"),
            (operation(Action.UPDATE, "organization", {"address": "Storgata 1"}, "1"), "address cannot be written"),
            (operation(Action.UPDATE, "organization", {"address.locality": "Oslo"}, "2"), "address.value"),
            (operation(Action.UPDATE, "person", {"emails": ["bare@example.com"]}, "1"), "emails cannot be written"),
            (operation(Action.UPDATE, "person", {"email": None}, "1"), "old@example.com"),
            (operation(Action.UPDATE, "product", {"prices": []}, "1"), "prices cannot be written"),
            (operation(Action.UPDATE, "product", {"prices.EUR": "9,99"}, "1"), "takes a number"),
            (operation(Action.UPDATE, "product", {"category_name": "Boats"}, "1"), "no option"),
            (operation(Action.UPDATE, "product", {"prices.EUR": Decimal(1)}, "99"), "not visible"),
            (operation(Action.UPDATE, "deal", {"title": "x"}, "1"), "title cannot be written"),
            (operation(Action.UPDATE, "deal", {"status": "won"}, "1"), "status cannot be written"),
            (create("deal"), "made and removed by people"),
            (operation(Action.DELETE, "deal", {}, "1"), "made and removed by people"),
            (operation(Action.UPDATE, "invoice", {"name": "x"}, "1"), "invoice"),
        ],
    )
    async def test_refused_before_anything_is_sent(self, sandbox: World, op: Operation, words: str) -> None:
        with pytest.raises(RejectRecord, match=words):
            await apply(sandbox.target(), op)
        answers = (await sandbox.api.get("/_sandbox/requests")).json()["requests"]
        assert not [each for each in answers if each["method"] in ("POST", "PATCH", "DELETE")]

    async def test_pipedrives_own_refusal_names_the_field(self, sandbox: World) -> None:
        with pytest.raises(RejectRecord, match="org_id"):
            await apply(sandbox.target(), create("person", org_id="seven"))


class TestLostReply:
    async def test_is_found_once_while_the_search_does_not_know_it_yet(self, sandbox: World) -> None:
        target = sandbox.target()
        await sandbox.settings(search_index_lag_seconds=60)
        await sandbox.fault("drop_reply", "POST", "/api/v2/organizations")
        op = create()
        with pytest.raises(OutcomeUnknown):
            await apply(target, op)
        found = await target.find(op)
        assert found is not None
        assert found.matches == 1
        assert len(await sandbox.created("organization")) == 1

    async def test_a_value_given_a_moment_ago_is_found(self, sandbox: World) -> None:
        """A person gives an old record the code that ours would have: neither search nor date of making shows it."""
        await sandbox.settings(search_index_lag_seconds=60)
        target = sandbox.target()
        await sandbox.advance(7200)
        await sandbox.call("PATCH", "/api/v2/products/2", code="NEW-1")
        found = await target.find(replace(create("product"), key={"code": "NEW-1"}))
        assert found is not None
        assert found.target_id == "2"


class TestLimits:
    async def test_the_vendors_own_header_tells_how_long_to_wait(self, sandbox: World) -> None:
        await sandbox.fault("status", "POST", "/api/v2/organizations", status=429, headers={"x-ratelimit-reset": "7"})
        with pytest.raises(RetryLater) as caught:
            await apply(sandbox.target(), create())
        assert caught.value.after == 7
        assert len(await sandbox.requests("POST", "/api/v2/organizations")) == 1

    async def test_searches_keep_their_own_limit(self, sandbox: World) -> None:
        await sandbox.settings(search_burst_limit=10)
        target = sandbox.target()
        for _ in range(12):
            assert await target.find(create()) is None
        answers = (await sandbox.api.get("/_sandbox/requests")).json()["requests"]
        assert not [each for each in answers if each["status"] == 429]


class TestFind:
    async def test_case_counts(self, sandbox: World) -> None:
        target = sandbox.target()
        await apply(target, create())
        other = replace(create(), key={"custom.Headrace id": "hr-ä-1"})
        assert await target.find(other) is None

    async def test_old_records_come_from_the_search(self, sandbox: World) -> None:
        target = sandbox.target()
        await sandbox.settings(search_index_lag_seconds=0)
        await sandbox.advance(-7200)
        await apply(target, create())
        await sandbox.settings(search_index_lag_seconds=10_800)
        await apply(target, create("person"))
        await sandbox.advance(7200)  # by now they are older than what the list of recent records shows
        assert await target.find(create()) is not None
        assert await target.find(create("person")) is None

    @pytest.mark.parametrize("seconds", [-7200, 7200])
    async def test_what_is_recent_is_told_by_pipedrives_clock(self, sandbox: World, seconds: int) -> None:
        """With our clock two hours ahead, a list of the last minutes would be empty, and the search lags."""
        target = sandbox.target()
        await sandbox.settings(search_index_lag_seconds=60)
        await sandbox.advance(seconds)
        await apply(target, create())
        assert await target.find(create()) is not None

    async def test_by_product_code_and_person_email(self, sandbox: World) -> None:
        target = sandbox.target()
        product = await target.find(replace(create("product"), key={"code": "BK-R1"}))
        person = await target.find(replace(create("person"), key={"email": "ada@example.com"}))
        assert product is not None
        assert person is not None
        assert (product.target_id, person.target_id) == ("1", "1")
        assert await target.find(replace(create("product"), key={"code": "bk-r1"})) is None

    async def test_both_shapes_of_search_hits(self, sandbox: World) -> None:
        await apply(sandbox.target(), create())
        for shape in ("flat", "item"):
            await sandbox.settings(field_search_shape=shape)
            assert await sandbox.target(search_lag_seconds=0).find(create()) is not None

    @pytest.mark.parametrize("key", [{"custom.Legal entity": "demf"}, {"custom.Nope": "x"}, {"website": "x"}])
    async def test_what_no_search_finds(self, sandbox: World, key: dict[str, str]) -> None:
        with pytest.raises(RejectRecord, match="looked up"):
            await sandbox.target().find(replace(create(), key=key))
