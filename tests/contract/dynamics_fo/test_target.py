"""Writing to F&O: what is created, found again, refused, and what is never done twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.connectors.dynamics_fo.client import ETAG
from headrace.connectors.dynamics_fo.objects import CUSTOMERS
from headrace.core.contracts import Action, AlreadyThere, Written
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater
from headrace.platform.odata_batch import Part
from headrace.testing.harness import target_of
from headrace.testing.suites import TargetSuite
from tests.contract.dynamics_fo.harness import OrdersHarness, orders_harness
from tests.contract.dynamics_fo.world import World, customer, line, operation, order


class TestCustomers(TargetSuite):
    pass


class TestOrders(TargetSuite):
    not_applicable: ClassVar = {
        "natural_key_duplicate_is_already_there": "F&O numbers orders by itself, and their reference is not unique",
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[OrdersHarness]:
        async with orders_harness(tmp_path) as found:
            yield found


class TestOrderWithLines:
    async def test_header_and_lines_arrive_as_they_were_meant(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        header = order(
            "PD-1",
            CurrencyCode="USD",
            RequestedShippingDate=date(2026, 12, 24),
            ArePricesIncludingSalesTax=True,
            DefaultLedgerDimensionDisplayValue="R\\-D-007",
            SalesOrderName=None,
        )
        target.check(header)
        assert await target.find(header) is None
        written = await target.apply(header)
        number = written.record["SalesOrderNumber"]
        assert written.target_id == f"dataAreaId=usmf,SalesOrderNumber={number}"
        assert written.version.startswith('W/"')
        assert "@differs" not in written.record

        first = line(number, "1", OrderedSalesQuantity=Decimal(3), SalesPrice=Decimal("19.99"))
        target.check(first)
        lot = await target.apply(first)
        assert lot.record["InventoryLotId"]
        assert lot.record["SalesPrice"] == Decimal("19.99")
        assert (await target.find(first)) is not None

        (sent,) = await sandbox.ledger("SalesOrderHeadersV2")
        assert sent["fields"]["RequestedShippingDate"] == "2026-12-24T12:00:00Z"
        assert sent["fields"]["ArePricesIncludingSalesTax"] == "Yes"
        assert "SalesOrderName" not in sent["fields"], "an empty field would suppress a default"

    async def test_is_found_again_by_its_reference_in_its_company_only(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        written = await target.apply(order("PD-7"))
        found = await target.find(order("pd-7"))
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        assert await target.find(order("PD-7", "demf")) is None

    async def test_an_unreleased_product_is_rejected_in_words(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        number = (await target.apply(order("PD-1"))).record["SalesOrderNumber"]
        with pytest.raises(RejectRecord, match="'9999' in field 'Item number' is not found") as caught:
            await target.apply(line(number, "1", ItemNumber="9999"))
        assert caught.value.reason == "related value missing"

    async def test_lines_written_in_parallel_collide_and_may_be_repeated(self, sandbox: World) -> None:
        await sandbox.settings(line_write_seconds=0.05)
        target = target_of(sandbox.connect())
        number = (await target.apply(order("PD-1"))).record["SalesOrderNumber"]
        results = await asyncio.gather(*(target.apply(line(number, str(n))) for n in range(3)), return_exceptions=True)
        failures = [each for each in results if isinstance(each, BaseException)]
        assert failures
        assert all(isinstance(each, RetryLater) for each in failures)
        assert len(await sandbox.ledger("SalesOrderLines")) == len(results) - len(failures)


class TestLookup:
    async def test_a_wildcard_matches_nobody_else(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        await target.apply(order("axxb"))
        assert await target.find(order("a*b")) is None

    @pytest.mark.parametrize("number", ["K/1", "K#1", "K%1", "K'1", "K 1", "Ä-1", "K+1", "K,1=2"])
    async def test_any_key_is_read_updated_and_deleted(self, sandbox: World, number: str) -> None:
        target = target_of(sandbox.connect())
        written = await target.apply(operation("CustomersV3", customer(number)))
        change = operation("CustomersV3", {"KnownAs": "new"}, action=Action.UPDATE, target_id=written.target_id)
        await target.apply(change)
        found = await target.find(change)
        assert found is not None
        assert (found.record["CustomerAccount"], found.record["KnownAs"]) == (number, "new")
        gone = operation("CustomersV3", {}, action=Action.DELETE, target_id=written.target_id)
        await target.apply(gone)
        assert await target.find(gone) is None
        await target.apply(gone)

    async def test_what_identifies_nobody_is_not_looked_up(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        for fields, key in (({"dataAreaId": "usmf"}, ()), ({"dataAreaId": "usmf", "NameAlias": None}, ("NameAlias",))):
            with pytest.raises(RejectRecord, match="identifies no record"):
                await target.find(operation("CustomersV3", fields, key=key))


class TestNullAndAbsent:
    async def test_none_clears_with_an_update_and_absent_leaves(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        written = await target.apply(
            operation(
                "CustomersV3", customer("C1", KnownAs="A", PrimaryContactEmail="a@example.com", CreditLimit=Decimal(5))
            )
        )
        change = operation(
            "CustomersV3",
            {"KnownAs": None, "CreditLimit": None},
            action=Action.UPDATE,
            target_id=written.target_id,
        )
        target.check(change)
        await target.apply(change)
        found = await target.find(change)
        assert found is not None
        assert (found.record["KnownAs"], found.record["CreditLimit"]) == (None, 0)
        assert found.record["PrimaryContactEmail"] == "a@example.com"

    async def test_nothing_to_write_is_no_call(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        identity = "dataAreaId=usmf,CustomerAccount=US-001"
        same = operation("CustomersV3", {"dataAreaId": "usmf"}, action=Action.UPDATE, target_id=identity)
        assert (await target.apply(same)).target_id == identity
        assert await sandbox.ledger("CustomersV3", "update") == []


class TestContacts:
    async def test_the_customer_is_replaced_by_its_party(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        contact = operation(
            "ContactPersons",
            {
                "dataAreaId": "usmf",
                "ContactPersonId": "HRABCDEFGHIJKLMNOP",
                "AssociatedCustomer": "dataAreaId=usmf,CustomerAccount=US-001",
                "FirstName": "Zoë",
                "LastName": "Müller",
                "PrimaryEmailAddress": "zoe@example.com",
            },
        )
        target.check(contact)
        written = await target.apply(contact)
        assert written.record["AssociatedPartyNumber"]
        found = await target.find(contact)
        assert found is not None
        assert found.record["AssociatedCustomer"] == contact.fields["AssociatedCustomer"]
        by_mail = operation(
            "ContactPersons",
            dict(contact.fields),
            key=("dataAreaId", "PrimaryEmailAddress", "AssociatedCustomer"),
        )
        assert (await target.find(by_mail)) is not None
        with pytest.raises(AlreadyThere):
            await target.apply(contact)

    async def test_an_unknown_customer_is_rejected_before_the_call(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        contact = operation(
            "ContactPersons",
            {
                "dataAreaId": "usmf",
                "ContactPersonId": "HR1",
                "AssociatedCustomer": "dataAreaId=usmf,CustomerAccount=NOBODY",
                "LastName": "Müller",
            },
        )
        with pytest.raises(RejectRecord) as caught:
            await target.apply(contact)
        assert caught.value.reason == "customer is not there"


class TestDimensions:
    @pytest.mark.parametrize("text", ["022", "R-D-007", "022-007-1", "022- 007"])
    async def test_a_malformed_text_is_stopped_by_check(self, sandbox: World, text: str) -> None:
        target = target_of(sandbox.connect())
        with pytest.raises(RejectRecord) as caught:
            target.check(order("PD-1", DefaultLedgerDimensionDisplayValue=text))
        assert caught.value.reason == "wrong dimension format"

    async def test_an_unknown_value_is_refused_by_the_service(self, sandbox: World) -> None:
        target = target_of(sandbox.connect())
        with pytest.raises(RejectRecord, match="is not valid for the dimension"):
            await target.apply(order("PD-1", DefaultLedgerDimensionDisplayValue="999-007"))

    async def test_a_silent_drop_is_told(self, sandbox: World, caplog: pytest.LogCaptureFixture) -> None:
        await sandbox.settings(dimension_errors="silent")
        target = target_of(sandbox.connect())
        written = await target.apply(order("PD-1", DefaultLedgerDimensionDisplayValue="999-007"))
        assert written.record["@differs"] == ["DefaultLedgerDimensionDisplayValue"]
        assert "kept other values" in caplog.text


class TestCheck:
    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            (order("x" * 61), "text too long"),
            (order("PD-1", SalesOrderStatus="Invoiced"), "field cannot be written"),
            (order("PD-1", OrderingCustomerAccountNumber=None), "required field is empty"),
            (order("PD-1", "frrt"), "unknown legal entity"),
            (order("PD-1", TotalDiscountPercentage=0.1), "not a number"),
            (order("PD-1", CustomersOrderReference=5), "not a text"),
            (operation("CustomersV3", customer("1", AddressDescription="Main")), "required field is empty"),
            (operation("CustomersV3", customer("1", "")), "no legal entity"),
            (operation("ReleasedProductsV2", {"dataAreaId": "usmf", "ItemNumber": "1"}), "cannot be created here"),
        ],
    )
    def test_finds_before_the_call(self, tmp_path: object, made: object, reason: str) -> None:
        from pathlib import Path

        import httpx

        offline = World("https://localhost:1", Path("absent"), httpx.AsyncClient())
        target = target_of(offline.connect(verify=True))
        with pytest.raises(RejectRecord) as caught:
            target.check(made)  # type: ignore[arg-type]
        assert caught.value.reason == reason


class TestConcurrency:
    @pytest.mark.parametrize("status", [412, 409])
    async def test_a_stale_etag_is_told_by_either_status(self, sandbox: World, status: int) -> None:
        await sandbox.settings(stale_etag_status=status)
        client = sandbox.connect().client
        key = {"dataAreaId": "usmf", "CustomerAccount": "US-001"}
        row = await client.get(CUSTOMERS, key)
        assert row is not None
        await client.update(CUSTOMERS, key, {"KnownAs": "a"}, if_match=str(row[ETAG]))
        with pytest.raises(ChangedMeanwhile, match="changed meanwhile"):
            await client.update(CUSTOMERS, key, {"KnownAs": "b"}, if_match=str(row[ETAG]))

    @pytest.mark.parametrize("setting", ["patch_etag", "patch_representation"])
    async def test_an_update_tells_the_record_however_much_its_answer_does(self, sandbox: World, setting: str) -> None:
        await sandbox.settings(**{setting: True})
        target = target_of(sandbox.connect())
        identity = "dataAreaId=usmf,CustomerAccount=US-001"
        change = operation("CustomersV3", {"KnownAs": "new"}, action=Action.UPDATE, target_id=identity)
        written = await target.apply(change)
        found = await target.find(change)
        assert found is not None
        assert written.version == found.version
        assert {name: written.record[name] for name in found.record} == found.record

    async def test_what_was_changed_again_before_it_is_read_is_not_told_as_ours(self, sandbox: World) -> None:
        """The answer names the etag that our change left; a row with another one holds somebody else's values."""
        old = {"ETag": 'W/"JzEsMSc="'}
        await sandbox.fault("status", "PATCH", "CustomersV3", status=204, headers=old, handle=True)
        identity = "dataAreaId=usmf,CustomerAccount=US-001"
        change = operation("CustomersV3", {"KnownAs": "ours"}, action=Action.UPDATE, target_id=identity)
        written = await target_of(sandbox.connect()).apply(change)
        assert written == Written(identity, old["ETag"], {})
        assert len(await sandbox.ledger("CustomersV3", "update")) == 1


class TestBatch:
    async def test_a_changeset_is_kept_whole_or_not_at_all(self, sandbox: World) -> None:
        client = sandbox.connect().client
        bad = [
            Part("POST", "CustomersV3", customer("B1")),
            Part("POST", "CustomersV3", customer("B2", CustomerGroupId="ZZ")),
        ]
        good = [
            Part("POST", "CustomersV3", customer("G1", OrganizationName="Ünï — 漢", CreditLimit=Decimal("1.10"))),
            Part(
                "PATCH", "CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')?cross-company=true", {"KnownAs": "b"}
            ),
        ]
        refused, kept = await client.batch([bad, good])
        assert [answer.status_code for answer in kept] == [201, 204]
        assert kept[0].json()["OrganizationName"] == "Ünï — 漢"
        assert len(refused) == 1
        assert refused[0].status_code >= 400
        assert {row["CustomerAccount"] for row in await sandbox.records("CustomersV3")} == {"US-001", "DE-001", "G1"}

    async def test_a_lost_answer_is_unknown(self, sandbox: World) -> None:
        client = sandbox.connect().client
        await sandbox.fault("drop_mid_body", path="batch")
        with pytest.raises(OutcomeUnknown):
            await client.batch([[Part("POST", "CustomersV3", customer("G1"))]])
