"""Number sequences per company and entity: automatic, manual, both, or none, as in a company not set up yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.dynamics_fo.entities.model import Entity, Sequence
from headrace.sandbox.dynamics_fo.errors import WriteRefused

MODES = ("auto", "manual", "both", "none")
SEQUENCES = "#number_sequences"
_DIGITS = re.compile(r"#+")


class NumberSequences:
    """Next numbers, kept in the store; seeds change format, mode and next number."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mode(self, entity: Entity, sequence: Sequence, company: str) -> str:
        """Return auto, manual, both or none."""
        return str(self._state(entity, sequence, company).get("mode", sequence.mode))

    def next(self, entity: Entity, sequence: Sequence, company: str, now: datetime) -> str:
        """Take the next number, inside a transaction.

        Raises:
            WriteRefused: nobody has assigned a number sequence.
        """
        if self.mode(entity, sequence, company) == "none":
            raise WriteRefused("Error: Numbers could not be generated because a number sequence reference is missing.")
        state = dict(self._state(entity, sequence, company))
        number = int(state.get("next", sequence.first))
        state["next"] = number + 1
        self._store.put(SEQUENCES, _key(entity, sequence, company), state, now)
        pattern = str(state.get("format", sequence.format)).replace("{company}", company.upper())
        return _DIGITS.sub(lambda match: str(number).zfill(len(match[0])), pattern, count=1)

    def configure(
        self, entity: Entity, sequence: Sequence, company: str, changes: Mapping[str, Any], now: datetime
    ) -> None:
        """Set `mode`, `format` or `next` of one sequence, inside a transaction."""
        state = {**self._state(entity, sequence, company), **changes}
        self._store.put(SEQUENCES, _key(entity, sequence, company), state, now)

    def next_number(self, entity: Entity, sequence: Sequence, company: str) -> int:
        """Return the number that comes next, without taking it."""
        return int(self._state(entity, sequence, company).get("next", sequence.first))

    def _state(self, entity: Entity, sequence: Sequence, company: str) -> Mapping[str, Any]:
        record = self._store.get(SEQUENCES, _key(entity, sequence, company))
        return record.data if record else {}


def _key(entity: Entity, sequence: Sequence, company: str) -> str:
    return f"{company}:{entity.set}.{sequence.field}"
