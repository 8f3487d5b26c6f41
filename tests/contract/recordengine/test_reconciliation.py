"""Polling: what webhooks lost is found, what is known is not delivered again, and ids mean what they meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from headrace.core.contracts import Page, Source
from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import Ref
from headrace.testing.suites.values import fetched, ids_of, polled, records_of
from tests.contract.recordengine.harness import CONTACT, FOLDER, RecordengineHarness

A_DAY = 24 * 3600.0
A_MINUTE = 60.0


def last(pages: Sequence[Page]) -> Mapping[str, str]:
    return pages[-1].cursor


async def aware(harness: RecordengineHarness, page_size: int | None = None) -> Source:
    """A source of a new process that has heard what time it is at the instance, whose clock tests move."""
    source = harness.source(page_size=page_size)
    assert await source.fetch(Ref("document", harness.absent_record)) is None
    return source


async def test_only_exported_documents_are_listed(harness: RecordengineHarness) -> None:
    exported = await harness.exported()
    for status in ("Needs Review", "Approved", "Archived"):
        await harness.document(status)
    (record,) = records_of(await polled(harness.source(), "document"))
    assert (record.ref.external_id, record.complete, record.data["status"]) == (exported, False, "export")


async def test_a_poll_ends_where_pages_bring_nothing_new(harness: RecordengineHarness) -> None:
    harness.sandbox.clock.advance(-A_MINUTE * 10)
    for _ in range(12):
        await harness.exported()
    harness.sandbox.clock.advance(A_MINUTE * 10)
    source = harness.source(page_size=2)
    cursor = last(await polled(source, "document"))
    fresh = await harness.exported()
    before = len(harness.requests("GET"))
    assert ids_of(await polled(source, "document", cursor)) == [fresh]
    assert len(harness.requests("GET")) - before == 4, "one page with news, three without"


async def test_an_old_upload_that_is_exported_late_is_found_within_a_day(harness: RecordengineHarness) -> None:
    """It is far down the list, which shows the newest uploads first."""
    harness.sandbox.clock.advance(-20 * A_DAY)
    late = await harness.document("Needs Review")
    harness.sandbox.clock.advance(19 * A_DAY)
    for _ in range(10):
        await harness.exported()
    harness.sandbox.clock.advance(A_MINUTE)
    source = harness.source(page_size=2)
    cursor = last(await polled(source, "document"))
    harness.sandbox.clock.advance(A_MINUTE)
    await harness.act("export", late)
    pages = await polled(source, "document", cursor)
    assert ids_of(pages) == []
    harness.sandbox.clock.advance(A_DAY - 2 * A_MINUTE)
    assert ids_of(await polled(await aware(harness, 2), "document", last(pages) if pages else cursor)) == [late]


async def test_uploads_of_before_the_history_are_read_at_first_only(harness: RecordengineHarness) -> None:
    harness.configuration = {"history_days": 10}
    harness.sandbox.clock.advance(-20 * A_DAY)
    old = await harness.exported()
    harness.sandbox.clock.advance(20 * A_DAY)
    pages = await polled(harness.source(), "document")
    assert ids_of(pages) == [old]
    harness.sandbox.clock.advance(A_DAY)
    assert ids_of(await polled(await aware(harness), "document", last(pages))) == [], "another day"


async def test_what_was_taken_back_is_handed_over_once(harness: RecordengineHarness) -> None:
    """Nobody tells of it: it is exported no more, and no list says so."""
    harness.sandbox.clock.advance(-A_MINUTE)
    kept, taken, deleted = [await harness.exported() for _ in range(3)]
    harness.sandbox.clock.advance(A_MINUTE)
    cursor = last(await polled(harness.source(), "document"))
    await harness.act("pull_back", taken)
    await harness.call("DELETE", f"records/documents/{deleted}")
    harness.sandbox.clock.advance(A_DAY)
    source = await aware(harness)
    pages = await polled(source, "document", cursor)
    assert sorted(ids_of(pages)) == sorted([taken, deleted])
    assert (await fetched(source, "document", taken)).data["status"] == "needs_review"
    assert await source.fetch(Ref("document", deleted)) is None
    harness.sandbox.clock.advance(A_DAY)
    assert ids_of(await polled(await aware(harness), "document", last(pages))) == []
    assert kept


async def test_without_times_of_changes_everything_is_read_again_once_a_day(harness: RecordengineHarness) -> None:
    harness.sandbox.settings.change({"optional_fields": False})
    made = await harness.exported()
    source = harness.source()
    pages = await polled(source, "document")
    assert ids_of(pages) == [made]
    assert records_of(pages)[0].version == ""
    quiet = await polled(source, "document", last(pages))
    assert ids_of(quiet) == []
    harness.sandbox.clock.advance(A_DAY)
    assert ids_of(await polled(await aware(harness), "document", last(pages))) == [made]


async def test_bare_lists(harness: RecordengineHarness) -> None:
    harness.sandbox.settings.change({"bare_arrays": True})
    made = [await harness.exported() for _ in range(5)]
    assert sorted(ids_of(await polled(harness.source(page_size=2), "document"))) == sorted(made)


async def test_pages_that_are_all_the_same_are_told(harness: RecordengineHarness) -> None:
    """A parameter of another name is not heeded: an endless list would be read for ever."""
    for _ in range(5):
        await harness.exported()
    harness.sandbox.settings.change({"contract": {"lists": {"page_param": "offset"}}})
    with pytest.raises(RetryLater, match=r"lists\.page_param"):
        await polled(harness.source(page_size=2), "document")


async def test_a_load_begins_at_a_time(harness: RecordengineHarness) -> None:
    """What changed since counts, however long ago it was uploaded."""
    harness.sandbox.clock.advance(-5 * A_DAY)
    old, changed = [await harness.exported() for _ in range(2)]
    harness.sandbox.clock.advance(5 * A_DAY)
    await harness.change(changed, "Changed.pdf")
    fresh = await harness.exported()
    source = harness.source()
    cursor = source.cursor_at("document", datetime.now(UTC) - timedelta(days=1))  # type: ignore[attr-defined]
    pages = await polled(source, "document", cursor)
    assert set(ids_of(pages)) == {changed, fresh}
    assert old
    assert "since" not in last(pages)


async def test_an_instance_that_was_restored_does_not_mix_documents_up(harness: RecordengineHarness) -> None:
    """The same id, made at another time: another document, whose data must not go to the first one's records."""
    harness.sandbox.clock.advance(-A_DAY)
    made = await harness.exported()
    harness.sandbox.clock.advance(A_DAY)
    cursor = last(await polled(harness.source(), "document"))
    await harness.call("DELETE", f"records/documents/{made}")
    document = {"id": int(made), "filename": "Another.pdf", "contact_id": CONTACT, "folder_id": FOLDER}
    await harness.call("POST", "seed", documents=[{**document, "text": "x", "status": "Export"}])
    source = harness.source()
    assert ids_of(await polled(source, "document", cursor)) == [made], "it is handed over, so that somebody hears of it"
    with pytest.raises(RejectRecord, match="restored") as caught:
        await source.fetch(Ref("document", made))
    assert caught.value.reason == "id of another document"
