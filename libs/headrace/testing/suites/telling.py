"""What a confirmed change tells of the record, and changes that are made only to the record that was read (I7, I8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.core import values
from headrace.core.errors import ChangedMeanwhile
from headrace.testing.harness import TargetHarness, source_of, target_of
from headrace.testing.samples import retry_after
from headrace.testing.suites.base import Suite
from headrace.testing.suites.values import fetched


class Telling(Suite):
    """`Written.record`, `Written.version` and `Operation.expected_version`."""

    async def test_written_record_is_what_the_system_holds(self, harness: TargetHarness) -> None:
        """A change tells the whole record with every field that was written, as looking it up does."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        written = await target.apply(create)
        update = harness.update(written.target_id, **{harness.target_text: "Renamed"})
        for operation in (create, update):
            if operation is update:
                written = await target.apply(update)
            found = await target.find(replace(operation, target_id=written.target_id))
            assert found is not None
            told = {name: value for name, value in written.record.items() if not name.startswith("@")}
            assert set(operation.fields) <= set(told)
            assert set(operation.fields) <= set(found.record)
            assert values.matches(values.mark(told), found.record)
            assert values.matches(values.mark(found.record), told)
            others = {harness.target_text: operation.fields[harness.target_text], harness.target_clearable: None}
            assert values.matching(values.mark(others), told) == set(others), "fields that were not written, too"

    async def test_written_record_is_known_again_by_the_source(self, harness: TargetHarness) -> None:
        """What a change tells is what reading tells afterwards, name by name, so that its echo is recognised (I7)."""
        connection = harness.connect()
        target, source = target_of(connection), source_of(connection)
        amount = values.load('{"$decimal": "12.50"}')
        create = harness.create("Contoso", "HR-1", **{harness.target_amount: amount})
        written = await target.apply(create)
        update = harness.update(written.target_id, **{harness.target_text: "Renamed", harness.target_clearable: "text"})
        for operation in (create, update):
            if operation is update:
                written = await target.apply(update)
            record = await fetched(source, harness.target_object, written.target_id)
            mark = values.mark({name: written.record[name] for name in operation.fields})
            assert values.matching(mark, record.data) == set(operation.fields)
            assert values.matches(values.mark(written.record), record.data)

    async def test_confirmed_change_is_written_whatever_follows(self, harness: TargetHarness) -> None:
        """A record that cannot be read after its change was confirmed takes nothing from the change."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        harness.fault("status", "GET", status=503, headers=retry_after("seconds", 600), times=None)
        update = harness.update(written.target_id, **{harness.target_text: "Renamed"})
        assert (await target.apply(update)).target_id == written.target_id
        assert len(harness.ledger(harness.target_object, "update")) == 1

    async def test_change_of_a_changed_record_is_not_made(self, harness: TargetHarness) -> None:
        """With the version that was read, a change overwrites nothing that somebody else wrote since (I8)."""
        target = harness.target()
        create = harness.create("Contoso", "HR-1")
        written = await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert written.version == found.version != ""
        harness.sandbox.clock.advance(2)
        await target.apply(harness.update(written.target_id, **{harness.target_text: "Renamed by a person"}))
        update = harness.update(written.target_id, **{harness.target_text: "Ours"})
        for late in (update, harness.delete(written.target_id)):
            with pytest.raises(ChangedMeanwhile) as caught:
                await target.apply(replace(late, expected_version=found.version))
            assert caught.value.reason
        held = await target.find(create)
        assert held is not None
        assert held.record[harness.target_text] == "Renamed by a person"
        await target.apply(replace(update, expected_version=held.version))
        assert len(harness.ledger(harness.target_object)) == 3

    async def test_version_of_a_change_is_that_of_the_next(self, harness: TargetHarness) -> None:
        """Changes of ours that follow each other need no look-up between them."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        for text in ("First", "Second"):
            harness.sandbox.clock.advance(2)
            update = harness.update(written.target_id, **{harness.target_text: text})
            written = await target.apply(replace(update, expected_version=written.version))
        found = await target.find(harness.create("Contoso", "HR-1"))
        assert found is not None
        assert (found.record[harness.target_text], found.version) == ("Second", written.version)
