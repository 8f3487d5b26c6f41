"""Reading the sandbox over HTTP."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.core.errors import RejectRecord, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.platform.record_json import dump_record, load_record
from headrace.platform.secrets import FileText, Reference
from headrace.testing.mounts import Mount
from headrace.testing.serving import receiver
from headrace.testing.suites import SourceSuite
from headrace.testing.waiting import eventually
from tests.contract.pipedrive.hooks import PASSWORD, USER, subscribe
from tests.contract.pipedrive.world import CANARY, World, fetched, poll


class TestSource(SourceSuite):
    not_applicable: ClassVar = {
        "any_key_is_read": "Pipedrive gives whole numbers as ids; nobody chooses them",
        "token_that_ends_between_pages_is_renewed_once": "an API token is valid until its user makes a new one",
        "foreign_link_is_refused": "pages are asked for by an opaque cursor in the query; no answer holds a link",
    }


class TestExchangedToken:
    async def test_the_next_call_uses_it(self, sandbox: World, tmp_path: Path) -> None:
        mount = Mount(tmp_path / "mounted", token="canary-of-yesterday")
        source = sandbox.source(api_token=Reference([FileText(mount.folder / "token")]))
        with pytest.raises(StopConnection):
            await source.fetch(Ref("deal", "1"))
        mount.exchange(token=f"{CANARY}\n")
        assert await source.fetch(Ref("deal", "1")) is not None
        mount.exchange(token="canary with spaces")
        with pytest.raises(StopConnection, match="no token has") as caught:
            await source.fetch(Ref("deal", "1"))
        assert "canary" not in str(caught.value)


class TestFetch:
    async def test_a_deal_comes_whole(self, sandbox: World) -> None:
        deal = await fetched(sandbox.source(), "deal", 1)
        data = deal.data
        assert deal.complete
        assert deal.version == data["update_time"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert (data["org_name"], data["person_name"], data["person_email"]) == (
            "Bäckerei Müller 🥨",
            "Ada Berg",
            "ada@example.com",
        )
        assert data["custom"]["Legal entity"] == "demf"
        assert data["custom"]["Requested delivery"] == date(2026, 12, 20)
        assert data["custom"]["Regions"] == ["North", "South"]
        assert data["custom"]["Score"] == Decimal(5)
        assert data["custom"]["Budget"] == {"value": Decimal(100), "currency": "EUR"}
        assert data["org_custom"]["VAT number"] == "DE123456789"
        first, second = data["products"]
        assert (first["product_code"], first["item_price"], first["quantity"]) == ("BK-R1", Decimal("1200.5"), 2)
        assert (second["discount_type"], second["discount"], second["comments"]) == ("amount", 5, "red")

    async def test_no_number_is_a_float_and_the_record_survives_storage(self, sandbox: World) -> None:
        for obj in ("deal", "organization", "person", "product"):
            record = await fetched(sandbox.source(), obj, 1)
            assert load_record(dump_record(record)) == record

    async def test_lines_of_all_pages_in_their_order(self, sandbox: World) -> None:
        for number in range(7):
            body = {"product_id": 1, "item_price": number, "quantity": 1}
            await sandbox.call("POST", "/api/v2/deals/1/products", **body)
        lines = (await fetched(sandbox.source(page_size=3), "deal", 1)).data["products"]
        assert [line["order_nr"] for line in lines] == list(range(1, 10))
        assert len({line["id"] for line in lines}) == 9

    async def test_discounts_of_the_deal(self, sandbox: World) -> None:
        discount = {"amount": 10.5, "type": "percentage", "description": "spring"}
        await sandbox.call("POST", "/api/v2/deals/1/discounts", **discount)
        (found,) = (await fetched(sandbox.source(), "deal", 1)).data["discounts"]
        assert (found["amount"], found["type"], found["description"]) == (Decimal("10.5"), "percentage", "spring")

    async def test_two_fields_of_one_name(self, sandbox: World) -> None:
        field = await sandbox.call("POST", "/api/v2/dealFields", field_name="Department", field_type="varchar")
        code = field["field_code"]
        await sandbox.call("PATCH", "/api/v2/deals/1", custom_fields={code: "second"})
        custom = (await fetched(sandbox.source(), "deal", 1)).data["custom"]
        assert custom["Department"] == "022"
        assert custom[f"Department ({code[:6]})"] == "second"

    async def test_a_new_field_and_a_new_option_are_learnt_without_a_restart(self, sandbox: World) -> None:
        source = sandbox.source()
        await fetched(source, "deal", 1)
        field = await sandbox.call("POST", "/api/v2/dealFields", field_name="Fresh", field_type="varchar")
        code = sandbox.code("deal", "Legal entity")
        answer = await sandbox.api.post(f"/api/v2/dealFields/{code}/options", json=[{"label": "gbsi"}])
        option = next(each["id"] for each in answer.json()["data"] if each["label"] == "gbsi")
        await sandbox.call("PATCH", "/api/v2/deals/1", custom_fields={field["field_code"]: "x", code: option})
        custom = (await fetched(source, "deal", 1)).data["custom"]
        assert (custom["Fresh"], custom["Legal entity"]) == ("x", "gbsi")

    async def test_deleted_and_missing(self, sandbox: World) -> None:
        source = sandbox.source()
        assert await source.fetch(Ref("deal", "999")) is None
        await sandbox.call("DELETE", "/api/v2/deals/1")
        assert (await fetched(source, "deal", 1)).deleted
        await sandbox.settings(get_deleted=404)
        assert await source.fetch(Ref("deal", "1")) is None

    async def test_a_purged_product_leaves_its_line(self, sandbox: World) -> None:
        await sandbox.call("DELETE", "/api/v2/products/2")
        await sandbox.settings(get_deleted=404)
        lines = (await fetched(sandbox.source(), "deal", 1)).data["products"]
        assert [line["product_code"] for line in lines] == ["BK-R1", None]

    async def test_archived_deals_are_still_read(self, sandbox: World) -> None:
        await sandbox.call("PATCH", "/api/v2/deals/1", is_archived=True)
        assert (await fetched(sandbox.source(), "deal", 1)).data["is_archived"] is True

    async def test_ids_that_are_none(self, sandbox: World) -> None:
        for ref in (Ref("deal", "1/products"), Ref("deal", ""), Ref("lead", "1")):
            with pytest.raises(RejectRecord):
                await sandbox.source().fetch(ref)


class TestChanges:
    async def test_everything_at_first_then_only_the_overlap(self, sandbox: World) -> None:
        source = sandbox.source()
        records, cursor = await poll(source, "organization")
        assert [record.ref.external_id for record in records] == ["1", "2"]
        assert all(record.complete for record in records)
        again, _ = await poll(source, "organization", cursor)
        assert len(again) == 2  # within the overlap

    async def test_the_overlap_repeats_only_what_may_have_changed_in_the_same_second(self, sandbox: World) -> None:
        await sandbox.advance(-60)
        for number in (3, 4):
            await sandbox.call("POST", "/api/v2/organizations", name=f"Org {number}")
        await sandbox.advance(60)
        source = sandbox.source(page_size=2)
        _, cursor = await poll(source, "organization")
        again, _ = await poll(source, "organization", cursor)
        assert {record.ref.external_id for record in again} == {"1", "2"}  # seeded a moment ago
        await sandbox.call("PATCH", "/api/v2/organizations/3", name="Changed")
        await sandbox.advance(1)
        await sandbox.call("PATCH", "/api/v2/organizations/4", name="Changed")
        changed, _ = await poll(source, "organization", cursor)
        assert "4" in {record.ref.external_id for record in changed}
        assert {record.ref.external_id for record in (await poll(source, "organization"))[0]} == {"1", "2", "3", "4"}

    async def test_a_poll_that_was_cut_off_repeats(self, sandbox: World) -> None:
        await sandbox.advance(-60)
        for number in range(3):
            await sandbox.call("POST", "/api/v2/products", name=f"P {number}")
        source = sandbox.source(page_size=1)
        since = {"updated_since": (datetime.now(UTC) - timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        pages = source.changes("product", since)
        first = await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        records, _ = await poll(source, "product", since)
        assert first.records[0].ref in [record.ref for record in records]

    async def test_deals_of_a_list_lack_their_lines_and_say_so(self, sandbox: World) -> None:
        (deal,), _ = await poll(sandbox.source(), "deal")
        assert not deal.complete
        assert "products" not in deal.data

    async def test_deleted_deals_come_before_the_cursor_moves(self, sandbox: World) -> None:
        source = sandbox.source()
        _, cursor = await poll(source, "deal")
        await sandbox.call("POST", "/api/v2/deals", title="New", org_id=1)
        await sandbox.call("DELETE", "/api/v2/deals/1")
        pages = [page async for page in source.changes("deal", cursor)]
        assert [(r.ref.external_id, r.deleted) for r in pages[0].records] == [("1", True)]
        assert dict(pages[0].cursor) == cursor
        assert [(r.ref.external_id, r.deleted) for p in pages[1:] for r in p.records] == [("2", False)]

    async def test_archived_deals_on_demand(self, sandbox: World) -> None:
        await sandbox.call("PATCH", "/api/v2/deals/1", is_archived=True)
        assert (await poll(sandbox.source(), "deal"))[0] == []
        records, _ = await poll(sandbox.source(archived_deals=True), "deal")
        assert [record.ref.external_id for record in records] == ["1"]

    async def test_persons_know_their_organization_in_a_list_too(self, sandbox: World) -> None:
        for number in range(15):
            organization = await sandbox.call("POST", "/api/v2/organizations", name=f"Org {number}")
            await sandbox.call("POST", "/api/v2/persons", name=f"Person {number}", org_id=organization["id"])
        records, _ = await poll(sandbox.source(), "person")
        assert {record.data["org_name"] for record in records[1:]} == {f"Org {number}" for number in range(15)}
        assert len(await sandbox.requests("GET", "/api/v2/organizations?ids=")) == 1


class TestFailures:
    async def test_the_vendors_own_header_tells_how_long_to_wait(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/api/v2/deals/1", status=429, headers={"x-ratelimit-reset": "1"})
        assert (await fetched(sandbox.source(), "deal", 1)).complete

    async def test_402_stops_the_connection(self, sandbox: World) -> None:
        await sandbox.settings(account_open=False)
        with pytest.raises(StopConnection, match="unpaid"):
            await sandbox.source().fetch(Ref("deal", "1"))

    async def test_the_edge_block_is_not_a_permission_problem(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/api/v2/deals/1", status=403, body="<!DOCTYPE html><h1>1015</h1>")
        with pytest.raises(RetryLater, match="edge") as caught:
            await sandbox.source().fetch(Ref("deal", "1"))
        assert caught.value.after == 300

    async def test_200_without_success_is_an_error(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/api/v2/deals/1", status=200, body={"success": False, "error": "odd"})
        with pytest.raises(RetryLater):
            await sandbox.source().fetch(Ref("deal", "1"))


class TestLimits:
    async def test_the_burst_limit_is_never_hit(self, sandbox: World) -> None:
        await sandbox.settings(burst_limit=20)
        source = sandbox.source(concurrency=16)
        await asyncio.gather(*(fetched(source, "product", 1) for _ in range(30)))
        answers = (await sandbox.api.get("/_sandbox/requests")).json()["requests"]
        assert len(answers) >= 30
        assert not [each for each in answers if each["status"] == 429]

    async def test_the_plan_is_learnt_from_the_answers(self, sandbox: World) -> None:
        await sandbox.settings(burst_limit=5000)
        source = sandbox.source(concurrency=16)
        await fetched(source, "product", 1)
        started = datetime.now(UTC)
        await asyncio.gather(*(fetched(source, "product", 1) for _ in range(40)))
        assert datetime.now(UTC) - started < timedelta(seconds=3)  # 40 calls at 8/s would take 5 s

    async def test_the_daily_reserve_is_left_to_others(self, sandbox: World) -> None:
        await sandbox.settings(daily_token_budget=1000)
        source = sandbox.source(daily_reserve=990)

        async def spend() -> None:
            for _ in range(20):
                await source.fetch(Ref("product", "999"))

        with pytest.raises(RetryLater, match="daily") as caught:
            await spend()
        assert caught.value.after is not None
        assert caught.value.after > 600
        spent = len(await sandbox.requests("GET", "/api/v2/products/999"))
        assert 10 <= spent < 20


class TestWebhookDeliveries:
    async def test_what_the_sandbox_sends_is_understood(self, sandbox: World) -> None:
        async with receiver() as hook:
            for version in ("1.0", "2.0"):
                await subscribe(sandbox, hook, version)
            source = sandbox.source(
                webhook={"version": "both", "user": USER, "password": PASSWORD}, integration_user_id=1
            )
            await fetched(source, "deal", 1)  # definitions are known from here on
            await sandbox.call("PATCH", "/api/v2/deals/1", title="Changed")
            await sandbox.call("POST", "/api/v2/deals/1/products", product_id=2, item_price=1, quantity=1)
            await sandbox.call("DELETE", "/api/v2/deals/1")
            await eventually(lambda: any(b"delete" in r.body and b'"deal"' in r.body for r in hook.requests))
            await eventually(lambda: any(b'"deleted"' in r.body for r in hook.requests))
            about = set()
            for request in hook.requests:
                source.verify(request)
                notice = source.notice(request)
                assert notice.delivery_id
                if notice.ref is not None:
                    about.add(notice.ref)
                    record = source.decode(notice.ref, request.body)
                    if record is not None:
                        assert record.deleted
                        assert record.own
                        assert record.ref == Ref("deal", "1")
                        assert record.data["title"] == "Changed"
                        assert record.version.endswith(".000Z")
            assert about == {Ref("deal", "1")}

    async def test_a_retry_has_the_same_delivery_id(self, sandbox: World) -> None:
        await sandbox.settings(retry_time_scale=0.01)
        async with receiver(statuses=[500, 500]) as hook:
            for version in ("1.0", "2.0"):
                await subscribe(sandbox, hook, version)
            source = sandbox.source(webhook={"version": "both", "user": USER, "password": PASSWORD})
            await sandbox.call("PATCH", "/api/v2/organizations/2", name="Renamed")
            await eventually(lambda: len(hook.requests) >= 4)
            notices = [source.notice(request) for request in hook.requests]
            assert len({notice.delivery_id for notice in notices}) == 2
            assert {notice.ref for notice in notices} == {Ref("organization", "2")}
