"""What all suites share: which behaviours there are, and which of them a system declares not to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

_PREFIX = "test_"
_SHORTEST_REASON = 15


class Suite:
    """Base of the suites. A behaviour is a test; its name is the test's without "test_".

    A subclass declares under `not_applicable` what its system does not have, with the reason in a sentence; such a
    behaviour shows as skipped with it.
    """

    not_applicable: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse declarations that name no behaviour, or give no reason."""
        super().__init_subclass__(**options)
        unknown = sorted(set(cls.not_applicable) - cls.behaviours())
        if unknown:
            raise TypeError(f"{cls.__name__}.not_applicable names no behaviour of the suite: {', '.join(unknown)}")
        bare = sorted(name for name, reason in cls.not_applicable.items() if len(reason) < _SHORTEST_REASON)
        if bare:
            raise TypeError(f"{cls.__name__}.not_applicable gives no reason for {', '.join(bare)}")

    @classmethod
    def behaviours(cls) -> frozenset[str]:
        """Return the names of all behaviours."""
        return frozenset(name.removeprefix(_PREFIX) for name in dir(cls) if name.startswith(_PREFIX))

    @pytest.fixture(autouse=True)
    def _applicable(self, request: pytest.FixtureRequest) -> None:
        reason = self.not_applicable.get(request.function.__name__.removeprefix(_PREFIX))
        if reason:
            pytest.skip(f"not applicable: {reason}")
