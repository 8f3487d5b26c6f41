"""The lines of a street."""

from __future__ import annotations

import pytest

from headrace.connectors.avidxchange import CONNECTOR
from headrace.connectors.avidxchange.transforms import line


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (None, None, None),
        ("", None, None),
        (" \n ", None, None),
        ("14 Dock St", "14 Dock St", None),
        ("14 Dock St\n", "14 Dock St", None),
        ("14 Dock St\nSuite 300", "14 Dock St", "Suite 300"),
        ("14 Dock St\r\n Suite 300 ", "14 Dock St", "Suite 300"),
        ("\n14 Dock St\n\nSuite 300", "14 Dock St", "Suite 300"),
        ("Campus\n14 Dock St\nBuilding 2\nFloor 3", "Campus", "14 Dock St, Building 2, Floor 3"),
        ("14 Dock St, Suite 300", "14 Dock St, Suite 300", None),
    ],
)
def test_a_street_has_two_lines(text: str | None, first: str | None, second: str | None) -> None:
    assert (line(text, 1), line(text, 2)) == (first, second)


def test_mappings_know_it_by_name() -> None:
    assert CONNECTOR.transforms(None)["line"]("14 Dock St\nSuite 300", 2) == "Suite 300"
