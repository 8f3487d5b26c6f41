"""Reading from F&O: by key, by polling, by business events."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.contracts import Action, Page, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from headrace.testing.serving import receiver
from headrace.testing.suites import SourceSuite
from tests.contract.dynamics_fo.world import CODE, World, customer, operation, order


async def poll(source: Any, obj: str, cursor: Mapping[str, str] | None = None) -> list[Page]:
    return [page async for page in source.changes(obj, cursor or {})]


def ids(pages: list[Page]) -> list[str]:
    return [record.ref.external_id for page in pages for record in page.records]


def accounts(*numbers: str, company: str = "usmf") -> list[str]:
    return [f"dataAreaId={company},CustomerAccount={number}" for number in numbers]


class TestSource(SourceSuite):
    pass


class TestFetch:
    async def test_a_released_product_has_the_name_of_its_product(self, sandbox: World) -> None:
        source = source_of(sandbox.connect())
        record = await source.fetch(Ref("ReleasedProductsV2", "dataAreaId=usmf,ItemNumber=1000"))
        assert record is not None
        assert record.ref == Ref("ReleasedProductsV2", "dataAreaId=usmf,ItemNumber=1000")
        assert (record.data["ProductName"], record.data["SalesPrice"]) == ("Speaker", Decimal("12.5"))
        assert record.data["SalesPriceDate"] is None
        assert (record.version, record.deleted, record.complete) == ("", False, True)

    async def test_an_order_is_read_in_plain_values(self, sandbox: World) -> None:
        connection = sandbox.connect()
        written = await target_of(connection).apply(order("PD-1", ArePricesIncludingSalesTax=True))
        record = await source_of(connection).fetch(Ref("SalesOrderHeadersV2", written.target_id))
        assert record is not None
        assert record.data["ArePricesIncludingSalesTax"] is True
        assert record.data["SalesOrderStatus"] == "Backorder"
        assert isinstance(record.data["OrderCreationDateTime"], datetime)
        assert record.data["ConfirmedShippingDate"] is None
        assert not any(name.startswith("@") for name in record.data)

    async def test_what_is_not_there_or_not_ours_is_none(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(legal_entities=["usmf"]))
        assert await source.fetch(Ref("CustomersV3", accounts("NOBODY")[0])) is None
        assert await source.fetch(Ref("CustomersV3", accounts("DE-001", company="demf")[0])) is None
        with pytest.raises(RejectRecord):
            await source.fetch(Ref("VendorBankAccounts", "dataAreaId=usmf,VendorAccountNumber=1,VendorBankAccountId=1"))

    async def test_trouble_is_named(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(absent_fields={}))
        await sandbox.fault("status", "GET", "/data/CustomersV3", status=403)
        with pytest.raises(StopConnection, match="403"):
            await source.fetch(Ref("CustomersV3", accounts("US-001")[0]))
        await sandbox.fault("status", "GET", "/data/CustomersV3", status=500, times=None)
        with pytest.raises(RetryLater):
            await source.fetch(Ref("CustomersV3", accounts("US-001")[0]))


class TestSweep:
    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000])
    async def test_page_boundaries_lose_and_repeat_nothing(self, sandbox: World, size: int) -> None:
        await sandbox.seed(records={"CustomersV3": [customer(f"C{n}") for n in range(3)]})
        pages = await poll(source_of(sandbox.connect(page_size=size)), "CustomersV3")
        assert ids(pages) == [*accounts("C0", "C1", "C2", "US-001"), *accounts("DE-001", company="demf")]
        assert set(pages[-1].cursor) == {"swept", "since"}

    async def test_goes_on_where_it_was_cut_short(self, sandbox: World) -> None:
        await sandbox.seed(records={"CustomersV3": [customer(f"C{n}") for n in range(5)]})
        source = source_of(sandbox.connect(page_size=2))
        whole = ids(await poll(source, "CustomersV3"))
        seen: list[str] = []
        cursor: Mapping[str, str] = {}
        while True:
            page = await anext(source.changes("CustomersV3", cursor))
            seen += [record.ref.external_id for record in page.records]
            cursor = page.cursor
            if "started" not in cursor:
                break
        assert seen == whole

    async def test_full_reads_everything_every_time(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(polls={"CustomersV3": {"strategy": "full"}}))
        first = await poll(source, "CustomersV3")
        again = await poll(source, "CustomersV3", first[-1].cursor)
        assert len(ids(first)) == 2
        assert ids(again) == ids(first)


class TestSince:
    async def test_only_what_changed_and_the_overlap_come_again(self, sandbox: World) -> None:
        connection = sandbox.connect(overlap_seconds=1, page_size=2)
        source, target = source_of(connection), target_of(connection)
        cursor = (await poll(source, "CustomersV3"))[-1].cursor
        await sandbox.admin.post("/_sandbox/clock", json={"advance_seconds": 100})
        await target.apply(
            operation("CustomersV3", {"KnownAs": "x"}, action=Action.UPDATE, target_id=accounts("US-001")[0])
        )
        changed = await poll(source, "CustomersV3", cursor)
        assert accounts("US-001")[0] in ids(changed)
        (record,) = [r for page in changed for r in page.records if r.ref.external_id == accounts("US-001")[0]]
        assert record.data["KnownAs"] == "x"
        assert record.modified_at is not None
        assert record.modified_at.tzinfo is UTC
        assert changed[-1].cursor["swept"] == cursor["swept"]
        assert changed[-1].cursor["since"] >= cursor["since"]
        await sandbox.admin.post("/_sandbox/clock", json={"advance_seconds": 100})
        quiet = await poll(source, "CustomersV3", changed[-1].cursor)
        assert set(ids(quiet)) <= {accounts("US-001")[0]}

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    async def test_many_changes_within_one_second(self, sandbox: World, size: int) -> None:
        source = source_of(sandbox.connect(page_size=size))
        cursor = (await poll(source, "CustomersV3"))[-1].cursor
        await sandbox.seed(records={"CustomersV3": [customer(f"C{n}") for n in range(7)]})
        pages = await poll(source, "CustomersV3", cursor)
        found = ids(pages)
        assert set(accounts(*(f"C{n}" for n in range(7)))) <= set(found)
        assert len(found) == len(set(found))

    async def test_a_service_that_sends_shorter_pages_than_asked_for(self, sandbox: World) -> None:
        await sandbox.settings(page_size=2)
        source = source_of(sandbox.connect())
        first = await poll(source, "CustomersV3")
        assert len(ids(first)) == 2
        await sandbox.seed(records={"CustomersV3": [customer(f"C{n}") for n in range(7)]})
        found = ids(await poll(source, "CustomersV3", first[-1].cursor))
        assert set(accounts(*(f"C{n}" for n in range(7)))) <= set(found)
        assert len(ids(await poll(source, "CustomersV3"))) == 9

    async def test_keys_with_wildcards_are_read_one_by_one(self, sandbox: World) -> None:
        source = source_of(sandbox.connect())
        cursor = (await poll(source, "CustomersV3"))[-1].cursor
        await sandbox.seed(records={"CustomersV3": [customer("A*B"), customer("AXB")]})
        found = ids(await poll(source, "CustomersV3", cursor))
        assert set(accounts("A*B", "AXB")) <= set(found)
        assert len(found) == len(set(found))

    async def test_products_orders_and_contacts(self, sandbox: World) -> None:
        connection = sandbox.connect()
        source = source_of(connection)
        cursors = {
            name: (await poll(source, name))[-1].cursor
            for name in ("ReleasedProductsV2", "SalesOrderHeadersV2", "ContactPersons")
        }
        made = await target_of(connection).apply(order("PD-1"))
        item = {"dataAreaId": "usmf", "ItemNumber": "2000", "ProductName": "Lamp", "ProductType": "Item"}
        await sandbox.seed(records={"ReleasedProductCreationsV2": [item]})
        contact = {
            "dataAreaId": "usmf",
            "ContactPersonId": "K1",
            "AssociatedCustomer": accounts("US-001")[0],
            "LastName": "Müller",
        }
        await target_of(connection).apply(operation("ContactPersons", contact))
        products = await poll(source, "ReleasedProductsV2", cursors["ReleasedProductsV2"])
        names = {r.ref.external_id: r.data["ProductName"] for page in products for r in page.records}
        assert names["dataAreaId=usmf,ItemNumber=2000"] == "Lamp"
        assert ids(await poll(source, "SalesOrderHeadersV2", cursors["SalesOrderHeadersV2"])) == [made.target_id]
        found = await poll(source, "ContactPersons", cursors["ContactPersons"])
        assert ids(found) == ["dataAreaId=usmf,ContactPersonId=K1"]

    @pytest.mark.parametrize("status", [403, 404])
    async def test_without_the_mirror_everything_is_read(self, sandbox: World, status: int) -> None:
        await sandbox.fault("status", "GET", "/data/CustTableBiEntities", status=status, times=None)
        source = source_of(sandbox.connect())
        first = await poll(source, "CustomersV3")
        assert len(ids(await poll(source, "CustomersV3", first[-1].cursor))) == 2
        strict = source_of(sandbox.connect(polls={"CustomersV3": {"strategy": "modified"}}))
        with pytest.raises(StopConnection, match="does not publish CustTableBiEntities"):
            await poll(strict, "CustomersV3")

    async def test_orders_by_creation(self, sandbox: World) -> None:
        connection = sandbox.connect(polls={"SalesOrderHeadersV2": {"strategy": "created"}})
        cursor = (await poll(source_of(connection), "SalesOrderHeadersV2"))[-1].cursor
        made = [(await target_of(connection).apply(order(f"PD-{n}"))).target_id for n in range(3)]
        assert ids(await poll(source_of(connection), "SalesOrderHeadersV2", cursor)) == made


class TestUnauthorized:
    async def test_an_unmapped_application_stops_the_connection(self, sandbox: World) -> None:
        await sandbox.seed(clients=[{"client_id": "unmapped", "client_secret": "s"}])
        source = source_of(sandbox.connect(client_id="unmapped", client_secret="s"))
        with pytest.raises(StopConnection, match=r"401.*Map the application"):
            await source.fetch(Ref("CustomersV3", accounts("US-001")[0]))


EVENTS = {
    "CustomerChangedBusinessEvent": {"object": "CustomersV3", "key": {"CustomerAccount": "CustomerAccount"}},
    "SalesOrderChangedBusinessEvent": {"object": "SalesOrderHeadersV2", "key": {"SalesOrderNumber": "SalesOrderId"}},
}


class TestBusinessEvents:
    @pytest.mark.parametrize("switches", [{}, {"event_envelope": "short"}, {"legal_entity_case": "upper"}])
    async def test_name_the_record_to_fetch_and_repeat_under_one_id(
        self, sandbox: World, switches: dict[str, str]
    ) -> None:
        await sandbox.settings(**switches)
        connection = sandbox.connect(events=EVENTS)
        source = source_of(connection)
        async with receiver() as hook:
            await sandbox.seed(
                business_events={
                    "endpoints": [{"name": "headrace", "url": f"{hook.url}?code={CODE}"}],
                    "configurations": [{"event": "SalesOrderChangedBusinessEvent", "endpoint": "headrace"}],
                }
            )
            await sandbox.admin.post("/_sandbox/webhooks", json={"duplicate_next": 1})
            made = await target_of(connection).apply(order("PD-1"))
            kept = await hook.received(2)
        for request in kept:
            source.verify(request)
        notices = [source.notice(request) for request in kept]
        assert {notice.ref for notice in notices} == {Ref("SalesOrderHeadersV2", made.target_id)}
        assert len({notice.delivery_id for notice in notices}) == 1
        assert notices[0].ref is not None
        assert source.decode(notices[0].ref, kept[0].body) is None
        record = await source.fetch(notices[0].ref)
        assert record is not None
        assert record.data["CustomersOrderReference"] == "PD-1"


class TestNotice:
    def event(self, **fields: Any) -> WebhookRequest:
        body = {"BusinessEventId": "CustomerChangedBusinessEvent", "EventId": "E1", "LegalEntity": "USMF", **fields}
        return WebhookRequest({"content-type": "application/json"}, json.dumps(body).encode(), {"code": CODE})

    async def test_what_needs_no_work(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(events=EVENTS))
        for request in (
            self.event(BusinessEventId="BusinessEventsTestEndpointContract", ControlNumber=-(2**63)),
            self.event(BusinessEventId="SomethingElse"),
            self.event(LegalEntity="frrt", CustomerAccount="1"),
            self.event(CustomerAccount=""),
        ):
            assert source.notice(request).ref is None

    async def test_what_is_not_an_event_is_refused(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(events=EVENTS))
        for body in (b'{"BusinessEventId": 5}', b'{"BusinessEventId": null}'):
            with pytest.raises(DeliveryRefused) as caught:
                source.notice(WebhookRequest({}, body))
            assert caught.value.status == 400
        with pytest.raises(DeliveryRefused):
            source.notice(self.event())

    @pytest.mark.parametrize("value", [["C1"], {"eq": "C1"}, True])
    async def test_what_is_no_key_is_refused(self, sandbox: World, value: Any) -> None:
        source = source_of(sandbox.connect(events=EVENTS))
        with pytest.raises(DeliveryRefused, match="key in CustomerAccount") as caught:
            source.notice(self.event(CustomerAccount=value))
        assert caught.value.status == 400

    @pytest.mark.parametrize("login", ["Basic é", "Basic ====", "Basic /w==", "Basic"])
    async def test_what_is_no_login_is_a_stranger(self, sandbox: World, login: str) -> None:
        source = source_of(sandbox.connect(events=EVENTS))
        with pytest.raises(DeliveryRefused) as caught:
            source.verify(WebhookRequest({"authorization": login}, b"{}"))
        assert caught.value.status == 401

    async def test_out_of_order_events_name_the_same_record(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(events=EVENTS))
        later, earlier = (self.event(CustomerAccount="C 1,2", ControlNumber=n, EventId=f"E{n}") for n in (9, 3))
        assert source.notice(later).ref == source.notice(earlier).ref == Ref("CustomersV3", accounts("C 1%2C2")[0])
        assert source.notice(later).delivery_id != source.notice(earlier).delivery_id
