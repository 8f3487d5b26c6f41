"""Writing to Dataverse; the sandbox's ledger says what really happened."""

from headrace.testing.suites import TargetSuite


class TestAccounts(TargetSuite):
    pass
