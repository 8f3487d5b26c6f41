"""Behaviours that every connector shows. A contract test inherits them all: `class TestSource(SourceSuite)`."""

from headrace.testing.suites.source import SourceSuite
from headrace.testing.suites.target import TargetSuite

__all__ = ["SourceSuite", "TargetSuite"]
