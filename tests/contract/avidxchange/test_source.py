"""What a source must show, with payments."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.testing.harness import SourceHarness
from headrace.testing.suites import SourceSuite
from headrace.testing.suites.values import ids_of, polled
from tests.contract.avidxchange.harness import AvidxchangeHarness, PartnerHarness, UserHarness, running

NO_WEBHOOKS = "AvidXchange calls nobody: it is polled"
PAGE = 3


class TestPayments(SourceSuite):
    not_applicable: ClassVar[Mapping[str, str]] = {
        "any_key_is_read": "AvidXchange gives its records whole numbers as ids",
        "delivery_names_its_record": NO_WEBHOOKS,
        "duplicate_delivery_keeps_its_id": NO_WEBHOOKS,
        "out_of_order_deliveries_lead_to_the_present_state": NO_WEBHOOKS,
        "forged_delivery_is_refused": NO_WEBHOOKS,
        "wrong_content_type_is_refused": NO_WEBHOOKS,
        "garbage_body_is_refused": NO_WEBHOOKS,
        "secrets_stay_secret_in_reading": f"{NO_WEBHOOKS}; what is left of it is in test_secrets.py",
        "token_that_ends_between_pages_is_renewed_once": "company and user tokens do not end; see TestPartner",
    }

    async def test_cursor_is_monotone_and_resumable_after_a_crash(self, harness: SourceHarness) -> None:
        """From any page's cursor another process goes on: nothing is missing. Filters take days, so days repeat."""
        made = {await harness.make(f"Record {number}") for number in range(2 * PAGE + 1)}
        pages = await polled(harness.source(page_size=PAGE), harness.source_object)
        days: list[str] = []
        for number, page in enumerate(pages, 1):
            days.append(page.cursor.get("usmf", ""))
            found = set(ids_of(await polled(harness.source(page_size=PAGE), harness.source_object, page.cursor)))
            assert set(ids_of(pages[:number])) | found == made
        assert days == sorted(days)
        assert days[-1]


class TestPartner(TestPayments):
    not_applicable: ClassVar[Mapping[str, str]] = {
        name: reason for name, reason in TestPayments.not_applicable.items() if not name.startswith("token_")
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[AvidxchangeHarness]:
        async with running(tmp_path, PartnerHarness) as found:
            yield found


class TestUser(TestPartner):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[AvidxchangeHarness]:
        async with running(tmp_path, UserHarness) as found:
            yield found
