"""Reading single records: complete, exact, in any language, under any key."""

from __future__ import annotations

import pytest

from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.platform.record_json import dump_record, load_record
from headrace.testing.harness import SourceHarness, source_of
from headrace.testing.samples import TEXTS
from headrace.testing.suites.base import Suite
from headrace.testing.suites.values import ABSENT, at, fetched, ids_of, polled, records_of


class Reading(Suite):
    """`Source.fetch`, and what records hold."""

    async def test_fetch_gives_the_whole_record(self, harness: SourceHarness) -> None:
        """A record is complete, under the address that it was asked by."""
        made = await harness.make("Contoso")
        record = await fetched(harness.source(), harness.source_object, made)
        assert record.ref == Ref(harness.source_object, made)
        assert at(record, harness.source_text) == "Contoso"
        assert (record.complete, record.deleted) == (True, False)

    async def test_missing_record_is_none(self, harness: SourceHarness) -> None:
        """What is not there, or not visible, is None and no error."""
        assert await harness.source().fetch(Ref(harness.source_object, harness.absent_record)) is None

    async def test_unknown_object_is_rejected(self, harness: SourceHarness) -> None:
        """An object that the connector does not read parks its delivery, and nothing is called."""
        source = harness.source()
        with pytest.raises(RejectRecord):
            await source.fetch(Ref("no such object", harness.absent_record))
        with pytest.raises(RejectRecord):
            await polled(source, "no such object")
        assert harness.requests() == []

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_unicode_is_read_unchanged(self, harness: SourceHarness, text: str) -> None:
        """Any text comes by `fetch` and by `changes` as it stands in the system, to the code point."""
        made = await harness.make(text)
        source = harness.source()
        assert at(await fetched(source, harness.source_object, made), harness.source_text) == text
        (record,) = records_of(await polled(source, harness.source_object))
        assert at(record, harness.source_text) == text

    async def test_any_key_is_read(self, harness: SourceHarness) -> None:
        """Keys with quotes, slashes, percent signs and the like are found by `fetch` and by `changes`."""
        assert harness.keys, "give keys, or declare the behaviour in not_applicable"
        source = harness.source()
        made = {await harness.make(f"Record {key}", key): f"Record {key}" for key in harness.keys}
        assert len(made) == len(harness.keys)
        for external_id, text in made.items():
            assert at(await fetched(source, harness.source_object, external_id), harness.source_text) == text
        assert set(ids_of(await polled(source, harness.source_object))) == set(made)

    async def test_null_and_absent_differ(self, harness: SourceHarness) -> None:
        """An empty field is None; a field that the system does not show is not there at all."""
        made = await harness.make("Contoso")
        empty = await fetched(harness.source(), harness.source_object, made)
        assert at(empty, harness.source_clearable) is None
        hidden = await fetched(source_of(await harness.hiding()), harness.source_object, made)
        assert at(hidden, harness.source_clearable) is ABSENT

    async def test_values_are_exact_and_storable(self, harness: SourceHarness) -> None:
        """No value is a float or of a class that an inbox delivery could not hold: money stays exact."""
        made = await harness.make("Contoso")
        source = harness.source()
        (listed,) = records_of(await polled(source, harness.source_object))
        for record in (await fetched(source, harness.source_object, made), listed):
            assert load_record(dump_record(record)) == record

    async def test_version_and_time_order_the_states(self, harness: SourceHarness) -> None:
        """A later state has a greater version, or versions are empty and content tells; times are UTC."""
        made = await harness.make("First")
        source = harness.source()
        before = await fetched(source, harness.source_object, made)
        harness.sandbox.clock.advance(2)
        await harness.change(made, "Second")
        after = await fetched(source, harness.source_object, made)
        assert before.version < after.version or (before.version, after.version) == ("", "")
        assert before.data != after.data
        for record in (before, after):
            assert record.modified_at is None or record.modified_at.utcoffset() is not None
