"""Named rules of a document: which records concern it."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.mapping.compiling import Scope, compile_path, compile_test
from headrace.mapping.conditions import Condition, fields_of
from headrace.mapping.running import Run
from headrace.mapping.values import ABSENT, shown


class Rules:
    """Named conditions, in order.

    Under `when:` the first that does not hold names why a record is skipped (I9); under `review:` those that hold have
    a human decide.
    """

    def __init__(self, when: Mapping[str, Condition], scope: Scope) -> None:
        self._rules = tuple(
            (
                name,
                compile_test(condition, scope.inside(name)),
                tuple((path, compile_path(path, scope)) for path in fields_of(condition)),
            )
            for name, condition in when.items()
        )

    def holding(self, run: Run) -> tuple[tuple[str, str], ...]:
        """Return the names of the rules that hold, each with the values that it read."""
        found = [rule for rule in self._rules if rule[1](run.root, run)]
        return tuple(
            (name, ", ".join(f"{path.text} is {shown(read(run.root, run))}" for path, read in reads))
            for name, _, reads in found
        )

    def failing(self, run: Run) -> str | None:
        """Return the name of the first rule that fails, or None."""
        for name, holds, reads in self._rules:
            if holds(run.root, run):
                continue
            if run.lenient and any(read(run.root, run) is ABSENT for _, read in reads):
                continue
            return name
        return None
