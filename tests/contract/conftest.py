"""Lets pytest explain failing assertions of the inherited suites as it does those of tests."""

import pytest

pytest.register_assert_rewrite("headrace.testing.suites", "headrace.testing.harness")
