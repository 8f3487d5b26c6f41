"""What a connector may declare about the behaviours that it inherits."""

import pytest

from headrace.testing.suites import SourceSuite, TargetSuite
from headrace.testing.suites.base import Suite


def test_a_declaration_names_a_behaviour_and_gives_a_reason() -> None:
    reason = "the system keeps no field of a record unique"
    made = type("Good", (TargetSuite,), {"not_applicable": {"natural_key_duplicate_is_already_there": reason}})
    assert issubclass(made, Suite)
    with pytest.raises(TypeError, match="no behaviour of the suite: natural_key"):
        type("Misspelt", (TargetSuite,), {"not_applicable": {"natural_key": reason}})
    with pytest.raises(TypeError, match="no reason for any_key_is_read"):
        type("Bare", (SourceSuite,), {"not_applicable": {"any_key_is_read": "no"}})


@pytest.mark.parametrize("suite", [SourceSuite, TargetSuite])
def test_every_behaviour_says_what_it_is(suite: type[Suite]) -> None:
    assert len(suite.behaviours()) > 20
    silent = [name for name in suite.behaviours() if not getattr(suite, f"test_{name}").__doc__]
    assert silent == []
