"""What a target must show, with vendors."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.core import values
from headrace.testing.harness import TargetHarness, source_of, target_of
from headrace.testing.suites import TargetSuite
from headrace.testing.suites.values import fetched
from tests.contract.avidxchange.harness import AvidxchangeHarness, PartnerHarness, running

UNIQUE = "the key of a vendor is unique for each accounting system: an upsert makes no second one"


class TestVendors(TargetSuite):
    not_applicable: ClassVar[Mapping[str, str]] = {
        "amounts_are_exact": "a vendor has no amounts; see test_orders.py",
        "natural_key_duplicate_is_already_there": UNIQUE,
        "find_by_marker_when_there_are_two": UNIQUE,
        "deleted_record_is_not_found_by_marker": "a delete makes inactive: the record keeps its key, and is taken over",
        "change_after_the_token_ended_is_made_once": "company and user tokens do not end; see TestPartner",
    }

    async def test_update_carries_only_its_fields(self, harness: TargetHarness) -> None:
        """Beside the key, fields that others own are not sent along (I8)."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        await target.apply(harness.update(written.target_id, **{harness.target_text: "Renamed"}))
        (entry,) = harness.ledger(harness.target_object, "update")
        assert set(entry["fields"]) == {"VendorExternalSystemID", harness.target_text}

    async def test_find_by_target_id(self, harness: TargetHarness) -> None:
        """The id counts where there is one; an inactive record is gone for a delete, and there for an update."""
        target = harness.target()
        written = await target.apply(harness.create("Contoso", "HR-1"))
        update = harness.update(written.target_id, **{harness.target_text: "x"})
        found = await target.find(update)
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        await target.apply(harness.delete(written.target_id))
        assert await target.find(harness.delete(written.target_id)) is None
        found = await target.find(update)
        assert found is not None
        assert found.record["IsActive"] is False
        assert await target.find(harness.update(harness.absent_target)) is None

    async def test_written_record_is_known_again_by_the_source(self, harness: TargetHarness) -> None:
        """What a change tells is what reading tells afterwards, name by name, so that it is compared rightly."""
        connection = harness.connect()
        target, source = target_of(connection), source_of(connection)
        create = harness.create("Contoso", "HR-1")
        written = await target.apply(create)
        update = harness.update(written.target_id, **{harness.target_text: "Renamed", "Address.City": "Durham"})
        for operation in (create, update):
            if operation is update:
                written = await target.apply(update)
            record = await fetched(source, harness.target_object, written.target_id)
            mark = values.mark({name: written.record[name] for name in operation.fields})
            assert values.matching(mark, record.data) == set(operation.fields)
            assert values.matches(values.mark(written.record), record.data)


class TestPartner(TestVendors):
    not_applicable: ClassVar[Mapping[str, str]] = {
        name: reason for name, reason in TestVendors.not_applicable.items() if not name.startswith("change_after_")
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[AvidxchangeHarness]:
        async with running(tmp_path, PartnerHarness) as found:
            yield found
