"""Purchase orders: written once, found by mark or by F&O's own number, left alone once people went on with them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace.core.contracts import Action, Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from headrace.testing.suites import TargetSuite
from tests.contract.dynamics_fo import documents, payables
from tests.contract.dynamics_fo.documents import ORDER_LINES, ORDERS, bought, look, purchase
from tests.contract.dynamics_fo.harness import PurchaseOrdersHarness, purchase_orders_harness
from tests.contract.dynamics_fo.payables import connect
from tests.contract.dynamics_fo.world import World


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    return sandbox


class TestPurchaseOrders(TargetSuite):
    not_applicable: ClassVar = {
        "natural_key_duplicate_is_already_there": "F&O numbers orders by itself, and the vendor's reference repeats",
        "confirmed_change_is_written_whatever_follows": "what cannot be looked at before is not changed",
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[PurchaseOrdersHarness]:
        async with purchase_orders_harness(tmp_path) as found:
            yield found


async def written(target: Any, mark: str = "HR-1", **fields: Any) -> tuple[str, str]:
    """Write an order with a line; return its id and its number."""
    header = await target.apply(purchase(mark, **fields))
    number = str(header.record["PurchaseOrderNumber"])
    await target.apply(bought(number, "L1"))
    return header.target_id, number


class TestWriting:
    async def test_header_and_lines_arrive_as_they_were_meant(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        order = purchase(
            "HR-1",
            PurchaseOrderName="4711 / Pump",
            AccountingDate=date(2026, 2, 25),
            DefaultLedgerDimensionDisplayValue="022-007",
            DocumentNumber="4711",
            TotalAmount=Decimal("24.5"),
        )
        target.check(order)
        assert await target.find(order) is None
        header = await target.apply(order)
        number = header.record["PurchaseOrderNumber"]
        assert header.target_id == f"dataAreaId=usmf,PurchaseOrderNumber={number}"
        assert "@differs" not in header.record
        work = {"ProcurementProductCategoryName": "Miscellaneous", "LineDescription": "Work"}
        prices = {"OrderedPurchaseQuantity": Decimal(2), "PurchasePrice": Decimal(8)}
        off = {"LineDiscountAmount": Decimal("0.75")}
        for line in (bought(number, "L1"), bought(number, "L2", ItemNumber=None, **work, **prices, **off)):
            target.check(line)
            assert await target.find(line) is None
            done = await target.apply(line)
            found = await target.find(line)
            assert found is not None
            assert (found.target_id, found.matches) == (done.target_id, 1)
        found = await target.find(order)
        assert found is not None
        assert found.record["TotalAmount"] == Decimal("24.5")
        assert [row["LineAmount"] for row in await sandbox.records(ORDER_LINES)] == [10, 14.5]
        (sent,) = await sandbox.ledger(ORDERS)
        assert not {"DocumentNumber", "TotalAmount"} & set(sent["fields"]), "they are no fields of F&O"
        assert sent["fields"]["AccountingDate"] == "2026-02-25T12:00:00Z"

    async def test_a_number_by_hand_where_the_sequence_allows_it(self, sandbox: World) -> None:
        await sandbox.seed(number_sequences={f"{ORDERS}.PurchaseOrderNumber": {"mode": "both"}})
        header = await target_of(connect(sandbox)).apply(purchase("HR-1", PurchaseOrderNumber="4711"))
        assert header.target_id == "dataAreaId=usmf,PurchaseOrderNumber=4711"

    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            (purchase("x" * 61), "text too long"),
            (purchase("HR-1", OrderVendorAccountNumber=None), "required field is empty"),
            (purchase("HR-1", PurchaseOrderStatus="Received"), "field cannot be written"),
            (purchase("HR-1", "gbsi"), "unknown legal entity"),
            (bought("PO-1", "L1", ItemNumber=None), "required field is empty"),
            (bought("PO-1", "L1", DefaultLedgerDimensionDisplayValue="022"), "wrong dimension format"),
        ],
    )
    async def test_check_finds_before_the_call(self, sandbox: World, made: Operation, reason: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            target_of(connect(sandbox)).check(made)
        assert caught.value.reason == reason

    @pytest.mark.parametrize(("hold", "refused"), [("All", True), ("PurchOrder", True), ("Payment", False)])
    async def test_a_vendor_on_hold(self, sandbox: World, hold: str, refused: bool) -> None:
        key = "dataAreaId=usmf,VendorAccountNumber=1001"
        await payables.edit(sandbox, "VendorsV2", key, OnHoldStatus=hold)
        target = target_of(connect(sandbox))
        if refused:
            with pytest.raises(RejectRecord, match="is on hold for") as caught:
                await target.apply(purchase("HR-1"))
            assert caught.value.reason == "blocked or on hold"
        else:
            await target.apply(purchase("HR-1"))
        assert len(await sandbox.ledger(ORDERS)) == (0 if refused else 1)

    async def test_a_line_whose_reply_was_lost_is_found_by_its_mark(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        _, number = await written(target)
        await sandbox.fault("drop_reply", path=f"/data/{ORDER_LINES}")
        line = bought(number, "L2")
        with pytest.raises(OutcomeUnknown):
            await target.apply(line)
        found = await target.find(line)
        assert found is not None
        assert found.target_id == f"dataAreaId=usmf,PurchaseOrderNumber={number},LineNumber=2"


class TestTheirOwn:
    async def test_an_order_is_found_by_the_number_that_f_and_o_gave_it(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        identity, number = await written(target, "BY-HAND")
        found = await target.find(look(ORDERS, dataAreaId="usmf", DocumentNumber=number.lower()))
        assert found is not None
        assert found.target_id == identity
        known = {name: found.record[name] for name in ("OrderVendorAccountNumber", "CurrencyCode", "TotalAmount")}
        assert known == {"OrderVendorAccountNumber": "1001", "CurrencyCode": "USD", "TotalAmount": Decimal("10")}
        assert await target.find(look(ORDERS, dataAreaId="demf", DocumentNumber=number)) is None
        assert await target.find(look(ORDERS, dataAreaId="usmf", DocumentNumber="4711")) is None

    async def test_one_that_we_wrote_is_told_with_our_mark_and_its_lines(self, sandbox: World) -> None:
        connection = connect(sandbox)
        identity, _ = await written(target_of(connection))
        record = await source_of(connection).fetch(Ref(ORDERS, identity))
        assert record is not None
        assert record.data["VendorOrderReference"] == "HR-1"
        assert [line["CustomerReference"] for line in record.data["Lines"]] == ["L1"]
        assert not {"DocumentNumber", "TotalAmount"} & set(record.data)


class TestClosed:
    @pytest.mark.parametrize("confirmed", ["refuse", "change"])
    @pytest.mark.parametrize(
        ("actions", "words"),
        [(["confirm"], "Confirmed"), (["receive"], "Received"), (["cancel"], "Canceled"),
         (["confirm", "receive", "finalize"], "Received")],
    )  # fmt: skip
    async def test_what_people_went_on_with_is_left_to_them(
        self, sandbox: World, actions: list[str], words: str, confirmed: str
    ) -> None:
        await sandbox.settings(confirmed_orders=confirmed)
        target = target_of(connect(sandbox))
        identity, number = await written(target)
        for action in actions:
            await documents.move(sandbox, number, action)
        line_id = f"{identity},LineNumber=1"
        for change in (
            payables.update(ORDERS, identity, PurchaseOrderName="late"),
            payables.update(ORDER_LINES, line_id, PurchasePrice=Decimal(9)),
            payables.deletion(ORDER_LINES, line_id),
            bought(number, "L2"),
        ):
            with pytest.raises(RejectRecord, match=f"{number} of usmf is {words}") as caught:
                await target.apply(change)
            assert caught.value.reason == "no longer open"
            assert "--take target" in caught.value.detail
        assert len(await sandbox.ledger(ORDER_LINES)) == 1
        assert await sandbox.ledger(ORDER_LINES, "delete") == []

    async def test_an_open_one_takes_changes(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        identity, number = await written(target)
        await target.apply(bought(number, "L2"))
        await target.apply(payables.update(ORDERS, identity, PurchaseOrderName="new"))
        changed = await target.apply(payables.update(ORDER_LINES, f"{identity},LineNumber=1", PurchasePrice=Decimal(9)))
        assert changed.record["LineAmount"] == 36
        await target.apply(payables.deletion(ORDER_LINES, f"{identity},LineNumber=2"))
        found = await target.find(replace(purchase("HR-1"), action=Action.UPDATE, fields={}))
        assert found is not None
        assert (found.record["PurchaseOrderName"], found.record["TotalAmount"]) == ("new", 36)

    async def test_one_that_was_confirmed_between_look_and_change(self, sandbox: World) -> None:
        """What F&O refuses by itself is a refusal too."""
        target = target_of(connect(sandbox))
        identity, number = await written(target)
        await documents.move(sandbox, number, "receive")
        await sandbox.fault("status", "GET", f"/data/{ORDERS}", status=404)
        with pytest.raises(RejectRecord, match="cannot be changed in status Received"):
            await target.apply(payables.update(ORDERS, identity, PurchaseOrderName="late"))
