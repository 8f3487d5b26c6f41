"""What a source must show, with exported documents."""

from collections.abc import Mapping
from typing import ClassVar

from headrace.testing.harness import SourceHarness
from headrace.testing.suites import SourceSuite


class TestDocuments(SourceSuite):
    not_applicable: ClassVar[Mapping[str, str]] = {
        "any_key_is_read": "RecordEngine gives its documents whole numbers as ids",
        "token_that_ends_between_pages_is_renewed_once": "the API token has no end; a new one is made by hand",
        "foreign_link_is_refused": "lists have pages by number, and no links",
    }

    async def test_duplicate_delivery_keeps_its_id(self, harness: SourceHarness) -> None:
        """An instance that repeats what was not answered, which none is known to do, is understood as well."""
        harness.sandbox.settings.change({"webhook_retry_seconds": [1.0]})
        await super().test_duplicate_delivery_keeps_its_id(harness)
