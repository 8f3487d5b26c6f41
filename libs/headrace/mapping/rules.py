"""Named rules of a document: which records concern it."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.mapping.compiling import Scope, compile_path, compile_test
from headrace.mapping.conditions import Condition, fields_of
from headrace.mapping.running import Run
from headrace.mapping.values import ABSENT


class Rules:
    """The conditions under `when:`, in order. The first that does not hold names why a record is skipped (I9)."""

    def __init__(self, when: Mapping[str, Condition], scope: Scope) -> None:
        self._rules = tuple(
            (
                name,
                compile_test(condition, scope.inside(f"when.{name}")),
                tuple(compile_path(path, scope) for path in fields_of(condition)),
            )
            for name, condition in when.items()
        )

    def failing(self, run: Run) -> str | None:
        """Return the name of the first rule that fails, or None."""
        for name, holds, reads in self._rules:
            if holds(run.root, run):
                continue
            if run.lenient and any(read(run.root, run) is ABSENT for read in reads):
                continue
            return name
        return None
