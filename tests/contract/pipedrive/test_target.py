"""Writing the sandbox over HTTP; its ledger says what really happened."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from headrace.core.contracts import Action, Operation, Target
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.testing.suites import TargetSuite
from tests.contract.pipedrive.world import World, operation

MARKER = {"custom.Headrace id": "HR-Ä-1"}


def create(obj: str = "organization", **fields: Any) -> Operation:
    name = "title" if obj == "deal" else "name"
    return operation(Action.CREATE, obj, {name: "Ünïcode & Söhne 🚲", **MARKER, **fields})


async def apply(target: Target, op: Operation) -> Any:
    target.check(op)
    return await target.apply(op)


class TestTarget(TargetSuite):
    not_applicable: ClassVar = {
        "change_after_the_token_ended_is_made_once": "an API token is valid until its user makes a new one",
        "natural_key_duplicate_is_already_there": "Pipedrive keeps no field of a record unique",
    }


class TestWrite:
    @pytest.mark.parametrize("obj", ["organization", "person", "product", "deal"])
    async def test_create_find_update_delete(self, sandbox: World, obj: str) -> None:
        target = sandbox.target()
        op = create(obj)
        assert await target.find(op) is None
        written = await apply(target, op)
        found = await target.find(op)
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        assert {name: found.record[name] for name in op.fields} == dict(op.fields)
        name = "title" if obj == "deal" else "name"
        update = operation(Action.UPDATE, obj, {name: "Renamed"}, written.target_id)
        assert (await apply(target, update)).record[name] == "Renamed"
        found = await target.find(update)
        assert found is not None
        assert found.record[name] == "Renamed"
        delete = operation(Action.DELETE, obj, {}, written.target_id)
        await apply(target, delete)
        assert await target.find(delete) is None
        await apply(target, delete)  # gone is deleted
        assert len(await sandbox.created(obj)) == 1

    async def test_values_go_out_in_pipedrives_form_and_come_back_in_ours(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {
            "emails": "ada@example.com",
            "phones": [{"value": "+49 1"}, {"value": "+49 2", "primary": True, "label": "mobile"}],
            "org_id": 1,
        }
        op = create("person", **fields)
        written = await apply(target, op)
        found = await target.find(op)
        assert found is not None
        for record in (written.record, found.record):
            assert record["emails"] == "ada@example.com"
            assert record["org_id"] == 1
        person = await sandbox.call("GET", f"/api/v2/persons/{written.target_id}")
        assert person["emails"] == [{"value": "ada@example.com", "primary": True, "label": "work"}]

    async def test_custom_fields_of_every_kind(self, sandbox: World) -> None:
        target = sandbox.target()
        fields = {
            "custom.Legal entity": "demf",
            "custom.Regions": ["South"],
            "custom.Score": Decimal("4.5"),
            "custom.Requested delivery": date(2026, 12, 24),
            "custom.Budget": {"amount": Decimal("10.10"), "currency": "EUR"},
            "custom.Order status": "confirmed",
        }
        op = create("deal", **fields)
        await apply(target, op)
        found = await target.find(op)
        assert found is not None
        assert {name: found.record[name] for name in fields} == fields

    async def test_clearing_and_nesting(self, sandbox: World) -> None:
        target = sandbox.target()
        update = operation(Action.UPDATE, "deal", {"custom": {"Department": None, "Regions": []}}, "1")
        await apply(target, update)
        deal = await sandbox.call("GET", "/api/v2/deals/1")
        assert deal["custom_fields"][sandbox.code("deal", "Department")] is None
        assert deal["custom_fields"][sandbox.code("deal", "Regions")] is None
        assert deal["custom_fields"][sandbox.code("deal", "Score")] == 5  # the others stay

    async def test_an_empty_change_is_not_sent(self, sandbox: World) -> None:
        """`"custom_fields": {}` would clear every custom field."""
        target = sandbox.target()
        await apply(target, operation(Action.UPDATE, "deal", {"custom": {}}, "1"))
        assert await sandbox.requests("PATCH", "/api/v2/deals") == []

    async def test_a_whole_price_list_and_an_address(self, sandbox: World) -> None:
        target = sandbox.target()
        op = create("product", code="X-1", prices=[{"price": Decimal("9.99"), "currency": "USD"}], tax=Decimal(19))
        await apply(target, op)
        found = await target.find(op)
        assert found is not None
        assert found.record["prices"] == op.fields["prices"]
        org = create("organization", address="Storgata 1, Oslo")
        assert (await apply(target, org)).record["address"] == "Storgata 1, Oslo"


class TestRefusals:
    @pytest.mark.parametrize("name", ["value", "currency", "products", "discounts"])
    async def test_nothing_financial_is_written_to_deals(self, sandbox: World, name: str) -> None:
        with pytest.raises(RejectRecord, match="financial"):
            await apply(sandbox.target(), operation(Action.UPDATE, "deal", {name: 1}, "1"))

    @pytest.mark.parametrize(
        ("op", "words"),
        [
            (operation(Action.CREATE, "organization", {"name": "x"}), "marker"),
            (operation(Action.CREATE, "organization", {"name": "", **MARKER}), "required"),
            (operation(Action.UPDATE, "organization", {"name": None}, "1"), "required"),
            (operation(Action.UPDATE, "organization", {"nmae": "x"}, "1"), "nmae"),
            (operation(Action.UPDATE, "organization", {"name": "x"}, "1/merge"), "whole numbers"),
            (operation(Action.UPDATE, "organization", {"custom.Nope": "x"}, "1"), "Nope"),
            (operation(Action.UPDATE, "organization", {"custom.Rating": "Z"}, "1"), 'no option "Z"'),
            (operation(Action.UPDATE, "organization", {"custom.VAT number": "9" * 256}, "1"), "255"),
            (operation(Action.UPDATE, "person", {"emails": ["bare@example.com"]}, "1"), "list of objects"),
            (operation(Action.UPDATE, "invoice", {"name": "x"}, "1"), "invoice"),
        ],
    )
    async def test_refused_before_anything_is_sent(self, sandbox: World, op: Operation, words: str) -> None:
        with pytest.raises(RejectRecord, match=words):
            await apply(sandbox.target(), op)
        answers = (await sandbox.api.get("/_sandbox/requests")).json()["requests"]
        assert not [each for each in answers if each["method"] in ("POST", "PATCH")]

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

    async def test_a_plan_limit_parks_the_record_only(self, sandbox: World) -> None:
        await sandbox.settings(open_deals_limit=0)
        with pytest.raises(RejectRecord, match="plan limit"):
            await apply(sandbox.target(), create("deal"))


class TestFind:
    async def test_case_counts(self, sandbox: World) -> None:
        target = sandbox.target()
        await apply(target, create())
        other = replace(create(), key={"custom.Headrace id": "hr-ä-1"})
        assert await target.find(other) is None

    async def test_old_records_come_from_the_search(self, sandbox: World) -> None:
        target = sandbox.target()
        await sandbox.advance(-7200)  # the sandbox writes two hours ago, which no list of recent records shows
        await apply(target, create())
        found = await target.find(create())
        assert found is not None
        await sandbox.settings(search_index_lag_seconds=3600)
        await apply(target, create("person"))
        assert await target.find(create("person")) is None

    async def test_by_product_code_and_person_email(self, sandbox: World) -> None:
        target = sandbox.target()
        product = await target.find(replace(create("product"), key={"code": "BK-R1"}))
        person = await target.find(replace(create("person"), key={"emails": "ada@example.com"}))
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
