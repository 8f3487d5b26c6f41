"""What every source shows: reading, paging, webhooks, and what it makes of failures."""

from __future__ import annotations

from headrace.testing.suites.deliveries import Deliveries
from headrace.testing.suites.failing_reads import FailingReads
from headrace.testing.suites.hostile_deliveries import HostileDeliveries
from headrace.testing.suites.polling import Polling
from headrace.testing.suites.reading import Reading
from headrace.testing.suites.secrets import SourceSecrets


class SourceSuite(Reading, Polling, Deliveries, HostileDeliveries, FailingReads, SourceSecrets):
    """Behaviours of `headrace.core.contracts.Source`; needs a fixture `harness` that gives a `SourceHarness`."""
