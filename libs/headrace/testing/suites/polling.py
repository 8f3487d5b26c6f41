"""Polling: nothing is skipped, repeats come from the overlap only, and a crash between pages costs nothing (I1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from headrace.core.contracts import Page
from headrace.testing.harness import SourceHarness
from headrace.testing.suites.base import Suite
from headrace.testing.suites.values import at, ids_of, polled, records_of

PAGE = 3
A_MINUTE = 60.0
"""Seconds; shorter than any overlap."""
LONG = 12 * 3600.0
"""Seconds; longer than any overlap, shorter than the time between two sweeps."""


class Polling(Suite):
    """`Source.changes`."""

    @pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
    async def test_page_boundaries(self, harness: SourceHarness, count: int) -> None:
        """However many records there are for a page, a poll gives each exactly once."""
        made = [await harness.make(f"Record {number}") for number in range(count)]
        pages = await polled(harness.source(page_size=PAGE), harness.source_object)
        assert sorted(ids_of(pages)) == sorted(made)
        assert all(len(page.records) <= PAGE for page in pages)

    async def test_empty_system_is_followed(self, harness: SourceHarness) -> None:
        """The cursor of a poll that found nothing leads to what is made afterwards."""
        source = harness.source(page_size=PAGE)
        pages = await polled(source, harness.source_object)
        assert records_of(pages) == []
        made = await harness.make("The first")
        assert made in ids_of(await polled(source, harness.source_object, _last(pages)))

    async def test_changes_while_pages_are_read(self, harness: SourceHarness) -> None:
        """Records that change or are made between two pages push no other record out of sight."""
        made = [await harness.make(f"Record {number}") for number in range(3 * PAGE)]
        expected = dict.fromkeys(made, "")
        pages: list[Page] = []
        async for page in harness.source(page_size=PAGE).changes(harness.source_object, {}):
            pages.append(page)
            harness.sandbox.clock.advance(2)
            if len(pages) <= 2:
                for changed in (made[0], made[-1]):
                    expected[changed] = f"Changed after page {len(pages)}"
                    await harness.change(changed, expected[changed])
                text = f"Made after page {len(pages)}"
                expected[await harness.make(text)] = text
        assert set(made) <= set(ids_of(pages))
        pages += await polled(harness.source(page_size=PAGE), harness.source_object, _last(pages))
        seen = {record.ref.external_id: at(record, harness.source_text) for record in records_of(pages)}
        assert set(seen) == set(expected)
        assert {name: text for name, text in seen.items() if expected[name]} == {
            name: text for name, text in expected.items() if text
        }

    async def test_cursor_is_monotone_and_resumable_after_a_crash(self, harness: SourceHarness) -> None:
        """From any page's cursor another process goes on: nothing is missing, and later cursors give no more again."""
        made = set(await _long_ago(harness, 2 * PAGE + 1))
        pages = await polled(harness.source(page_size=PAGE), harness.source_object)
        rest = made
        for number, page in enumerate(pages, 1):
            assert all(isinstance(part, str) for pair in page.cursor.items() for part in pair)
            # Another process: nothing is known but the cursor.
            found = set(ids_of(await polled(harness.source(page_size=PAGE), harness.source_object, page.cursor)))
            assert set(ids_of(pages[:number])) | found == made
            assert found <= rest
            rest = found
        assert rest == set()

    async def test_cursor_moves_on(self, harness: SourceHarness) -> None:
        """What did not change is not read over and over; what changed comes, alone and as it is now."""
        made = await _long_ago(harness, PAGE)
        source = harness.source(page_size=PAGE)
        cursor = _last(await polled(source, harness.source_object))
        quiet = await polled(source, harness.source_object, cursor)
        assert records_of(quiet) == []
        await harness.change(made[1], "Changed")
        (record,) = records_of(await polled(source, harness.source_object, _last(quiet) or cursor))
        assert (record.ref.external_id, at(record, harness.source_text)) == (made[1], "Changed")

    async def test_page_that_was_not_durable_comes_again(self, harness: SourceHarness) -> None:
        """A poll that fails after a page was given repeats it in the same process, from the cursor before it (I1)."""
        made = await _long_ago(harness, 2 * PAGE)
        source = harness.source(page_size=PAGE)
        cursor = _last(await polled(source, harness.source_object))
        harness.sandbox.clock.advance(-A_MINUTE)
        for external_id in made:
            await harness.change(external_id, "Changed")
        harness.sandbox.clock.advance(A_MINUTE)
        for number in range(2):
            pages = source.changes(harness.source_object, cursor)
            given: list[Page] = [await anext(pages) for _ in range(number + 1)]
            await pages.aclose()  # type: ignore[attr-defined]
            assert set(ids_of(given)) <= set(made)
        assert set(ids_of(await polled(source, harness.source_object, cursor))) == set(made)

    async def test_polls_at_the_same_time(self, harness: SourceHarness) -> None:
        """Two polls of one connection do not disturb each other."""
        made = [await harness.make(f"Record {number}") for number in range(2 * PAGE)]
        source = harness.source(page_size=PAGE)
        for pages in await asyncio.gather(*(polled(source, harness.source_object) for _ in range(2))):
            assert sorted(ids_of(pages)) == sorted(made)


async def _long_ago(harness: SourceHarness, count: int) -> list[str]:
    """Make records at a time that no overlap reaches."""
    harness.sandbox.clock.advance(-LONG)
    made = [await harness.make(f"Record {number}") for number in range(count)]
    harness.sandbox.clock.advance(LONG)
    return made


def _last(pages: list[Page]) -> Mapping[str, str]:
    return pages[-1].cursor if pages else {}
