"""Finding a record again: the ground that the effect protocol stands on when an outcome is unknown (I4, I12)."""

from __future__ import annotations

from headrace.testing.harness import TargetHarness
from headrace.testing.suites.base import Suite


class Finding(Suite):
    """`Target.find`."""

    async def test_find_by_marker_when_there_is_none(self, harness: TargetHarness) -> None:
        """No record is None, in an empty system and beside others."""
        target = harness.target()
        assert await target.find(harness.create("Contoso", "HR-1")) is None
        await target.apply(harness.create("Contoso", "HR-10"))
        assert await target.find(harness.create("Contoso", "HR-1")) is None

    async def test_find_by_marker_when_there_is_one(self, harness: TargetHarness) -> None:
        """The marker alone finds the record, whatever else has changed in it, and at once."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        await target.apply(harness.create("Contoso", "HR-2"))
        await target.apply(harness.update(written.target_id, **{harness.target_text: "Renamed by a person"}))
        found = await target.find(harness.create("Contoso", "HR-1"))
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        assert found.record[harness.target_text] == "Renamed by a person"

    async def test_find_by_marker_when_there_are_two(self, harness: TargetHarness) -> None:
        """A marker that is there twice is told: a human decides, nobody guesses."""
        target = harness.target()
        ids = {(await target.apply(harness.create("Contoso", "HR-1"))).target_id for _ in range(2)}
        assert len(ids) == 2
        found = await target.find(harness.create("Contoso", "HR-1"))
        assert found is not None
        assert found.matches == 2
        assert found.target_id in ids

    async def test_find_by_target_id(self, harness: TargetHarness) -> None:
        """The id counts where there is one, and a record that was deleted is not found."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        await target.apply(harness.create("Contoso", "HR-1"))
        found = await target.find(harness.update(written.target_id, **{harness.target_text: "x"}))
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        await target.apply(harness.delete(written.target_id))
        assert await target.find(harness.update(written.target_id)) is None
        assert await target.find(harness.update(harness.absent_target)) is None

    async def test_deleted_record_is_not_found_by_marker(self, harness: TargetHarness) -> None:
        """A marker on a deleted record is no reason not to create it again."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        await target.apply(harness.delete(written.target_id))
        assert await target.find(harness.create("Contoso", "HR-1")) is None

    async def test_other_connection_finds_it(self, harness: TargetHarness) -> None:
        """Another process, which knows nothing but the operation, finds what the first one wrote."""
        written = await harness.target().apply(harness.create("Contoso", "HR-1"))
        found = await harness.target().find(harness.create("Contoso", "HR-1"))
        assert found is not None
        assert found.target_id == written.target_id
