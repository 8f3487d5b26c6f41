"""Reading Dataverse over HTTP."""

from typing import ClassVar

from headrace.testing.suites import SourceSuite


class TestSource(SourceSuite):
    not_applicable: ClassVar = {
        "any_key_is_read": "ids of rows are GUIDs; nobody chooses other ones",
        "duplicate_delivery_keeps_its_id": "Dataverse repeats after 502, 503 and 504 alone; TestDeliveries shows it",
    }
