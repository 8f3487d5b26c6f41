"""Writing: what arrives is what was meant, and nothing besides."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from headrace.core.contracts import AlreadyThere
from headrace.core.errors import RejectRecord
from headrace.testing.harness import TargetHarness
from headrace.testing.ledger import judge
from headrace.testing.samples import TEXTS
from headrace.testing.suites.base import Suite

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Writing(Suite):
    """`Target.check` and `Target.apply`."""

    async def test_create_update_delete(self, harness: TargetHarness) -> None:
        """A record's whole life: each step happens once, and `find` tells what the system holds."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        target.check(create)
        assert await target.find(create) is None
        written = await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        assert {name: found.record[name] for name in create.fields} == dict(create.fields)
        update = harness.update(written.target_id, **{harness.target_text: "Renamed"})
        target.check(update)
        await target.apply(update)
        found = await target.find(update)
        assert found is not None
        assert found.record[harness.target_text] == "Renamed"
        delete = harness.delete(written.target_id)
        target.check(delete)
        await target.apply(delete)
        assert await target.find(delete) is None
        actions = [entry["action"] for entry in harness.ledger(harness.target_object)]
        assert actions == ["create", "update", "delete"]

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_unicode_is_written_and_found(self, harness: TargetHarness, text: str) -> None:
        """Any text arrives to the code point, and as a marker it finds its own record only."""
        target = harness.target()
        create = harness.create(text, text)
        target.check(create)
        await target.apply(create)
        await target.apply(harness.create("Another", "axxb?c"))
        found = await target.find(create)
        assert found is not None
        assert (found.record[harness.target_text], found.matches) == (text, 1)
        assert harness.ledger(harness.target_object)[0]["after"][harness.target_text] == text

    async def test_null_clears_and_absent_leaves(self, harness: TargetHarness) -> None:
        """None empties a field; a field that an update does not name stays as it is."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1", **{harness.target_clearable: "before"})
        written = await target.apply(create)
        await target.apply(harness.update(written.target_id, **{harness.target_text: "Renamed"}))
        found = await target.find(create)
        assert found is not None
        assert found.record[harness.target_clearable] == "before"
        clear = harness.update(written.target_id, **{harness.target_clearable: None})
        target.check(clear)
        await target.apply(clear)
        found = await target.find(create)
        assert found is not None
        assert found.record[harness.target_clearable] is None
        assert found.record[harness.target_text] == "Renamed"

    async def test_update_carries_only_its_fields(self, harness: TargetHarness) -> None:
        """Fields that others own are not sent along, not even with the value that they have (I8)."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        await target.apply(harness.update(written.target_id, **{harness.target_text: "Renamed"}))
        (entry,) = harness.ledger(harness.target_object, "update")
        assert list(entry["fields"]) == [harness.target_text]

    async def test_amounts_are_exact(self, harness: TargetHarness) -> None:
        """A decimal arrives and comes back as the same decimal."""
        target = harness.target()
        amount = Decimal("1234567.89")
        create = harness.create("Contoso", "HR-1", **{harness.target_amount: amount})
        target.check(create)
        await target.apply(create)
        found = await target.find(create)
        assert found is not None
        held = found.record[harness.target_amount]
        assert isinstance(held, Decimal)
        assert held == amount

    async def test_update_of_a_missing_record_is_rejected(self, harness: TargetHarness) -> None:
        """An update never creates: what is gone parks for a human."""
        with pytest.raises(RejectRecord) as caught:
            await harness.target().apply(harness.update(harness.absent_target, **{harness.target_text: "x"}))
        assert caught.value.detail
        assert harness.ledger(harness.target_object) == []

    async def test_delete_is_idempotent(self, harness: TargetHarness) -> None:
        """A record that is gone is as good as deleted."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        for _ in range(2):
            await target.apply(harness.delete(written.target_id))
        await target.apply(harness.delete(harness.absent_target))
        assert len(harness.ledger(harness.target_object, "delete")) == 1

    async def test_natural_key_duplicate_is_already_there(self, harness: TargetHarness) -> None:
        """A create that the system refuses because its key exists is told as such, so that it can be adopted."""
        target = harness.target()
        create = harness.with_natural_key("HR-1")
        await target.apply(create)
        with pytest.raises(AlreadyThere):
            await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert len(harness.ledger(harness.target_object, "create")) == 1

    async def test_too_long_text_is_refused_before_any_change(self, harness: TargetHarness) -> None:
        """What the system would cut or refuse parks before anything is sent, naming the length."""
        target = harness.target()
        create = harness.too_long()

        async def checked_and_applied() -> None:
            target.check(create)
            await target.apply(create)

        with pytest.raises(RejectRecord, match=r"\d+"):
            await checked_and_applied()
        assert harness.requests("POST", "PUT", "PATCH", "DELETE") == []

    async def test_unknown_object_is_rejected(self, harness: TargetHarness) -> None:
        """An object that the connector does not write parks the event, and nothing is called."""
        target = harness.target()
        with pytest.raises(RejectRecord):
            target.check(replace(harness.create("Contoso", "HR-1"), object="no such object"))
        assert harness.requests() == []

    async def test_creates_in_parallel_happen_once_each(self, harness: TargetHarness) -> None:
        """Different records are written at the same time without disturbing each other (I5)."""
        target = harness.target()
        wanted = {f"Contoso {number}": [f"Contoso {number}"] for number in range(12)}
        await asyncio.gather(
            *(target.apply(harness.create(text, f"HR-{number}")) for number, text in enumerate(wanted))
        )
        name = harness.target_text
        verdict = judge(
            wanted,
            harness.ledger(harness.target_object),
            identify=lambda entry: str(entry["after"][name]),
            state=lambda entry: str(entry["after"][name]),
        )
        assert verdict.clean, verdict

    async def test_trace_goes_along(self, harness: TargetHarness) -> None:
        """The trace that a delivery began with reaches the target's own records (design §2.5)."""
        await harness.target().apply(replace(harness.create("Contoso", "HR-1"), traceparent=TRACE))
        (entry,) = harness.ledger(harness.target_object)
        assert TRACE.split("-")[1] in entry["request"]["traceparent"]

    async def test_limits_are_usable(self, harness: TargetHarness) -> None:
        """The effect protocol can work with the target's limits."""
        limits = harness.target().limits
        assert limits.concurrency >= 1
        assert limits.call_deadline > 0
        assert limits.settle >= 0
