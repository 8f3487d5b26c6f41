"""What a target must show, with uploads."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

import pytest

from headrace.core.errors import RejectRecord
from headrace.testing.harness import TargetHarness
from headrace.testing.ledger import judge
from headrace.testing.samples import TEXTS
from headrace.testing.suites import TargetSuite

NO_CHANGE = "what was uploaded is neither changed nor deleted from here; see test_uploads.py"
NAMED = {name: text for name, text in TEXTS.items() if not set(text) & set("/\\")}
"""Texts that a name of a file can be; `file_name` makes them of others."""


class TestUploads(TargetSuite):
    not_applicable: ClassVar[Mapping[str, str]] = {
        "create_update_delete": NO_CHANGE,
        "null_clears_and_absent_leaves": NO_CHANGE,
        "update_carries_only_its_fields": NO_CHANGE,
        "delete_is_idempotent": NO_CHANGE,
        "find_by_marker_when_there_is_one": NO_CHANGE,
        "find_by_target_id": NO_CHANGE,
        "deleted_record_is_not_found_by_marker": NO_CHANGE,
        "written_record_is_what_the_system_holds": NO_CHANGE,
        "change_of_a_changed_record_is_not_made": NO_CHANGE,
        "version_of_a_change_is_that_of_the_next": NO_CHANGE,
        "confirmed_change_is_written_whatever_follows": NO_CHANGE,
        "lost_reply_of_an_update": NO_CHANGE,
        "lost_reply_of_a_delete": NO_CHANGE,
        "written_record_is_known_again_by_the_source": "the source tells an upload as a document, another thing",
        "amounts_are_exact": "an upload has no amounts",
        "natural_key_duplicate_is_already_there": "the API knows no key that is unique",
        "change_after_the_token_ended_is_made_once": "the API token has no end; a new one is made by hand",
    }

    @pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
    async def test_unicode_is_written_and_found(self, harness: TargetHarness, text: str) -> None:
        """Any name and any key arrive to the code point, and find their own upload only."""
        target = harness.target()
        create = harness.create(text, text)
        target.check(create)
        await target.apply(create)
        await target.apply(harness.create("Another", "axxb?c"))
        found = await target.find(create)
        assert found is not None
        assert (found.record["key"], found.matches) == (text, 1)
        assert harness.ledger(harness.target_object)[0]["after"]["filename"] == f"{text}.pdf"

    async def test_creates_in_parallel_happen_once_each(self, harness: TargetHarness) -> None:
        """Different files are uploaded at the same time without disturbing each other (I5)."""
        target = harness.target()
        wanted = {f"Contoso {number}.pdf": [f"Contoso {number}.pdf"] for number in range(12)}
        await asyncio.gather(
            *(target.apply(harness.create(name.removesuffix(".pdf"), f"HR-{name}")) for name in wanted)
        )
        verdict = judge(
            wanted,
            harness.ledger(harness.target_object),
            identify=lambda entry: str(entry["after"]["filename"]),
            state=lambda entry: str(entry["after"]["filename"]),
        )
        assert verdict.clean, verdict

    async def test_uploads_stay_as_they_are(self, harness: TargetHarness) -> None:
        """A change or a deletion parks before anything is called, and says what the mapping lacks."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        for operation in (harness.update(written.target_id, filename="x.pdf"), harness.delete(written.target_id)):
            with pytest.raises(RejectRecord, match="once"):
                target.check(operation)
            with pytest.raises(RejectRecord, match="once"):
                await target.apply(operation)
        assert len(harness.ledger(harness.target_object)) == 1
