"""A quick part of the matrix, and its control: what `make faults` runs in full (results: `tests/faults/RESULTS.md`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.platform.stack import StackInfo
from tests.faults.randomised import plan
from tests.faults.rows import ROWS, SURROUNDINGS, chosen
from tests.faults.running import Result, run
from tests.faults.site import Site
from tests.faults.unprotected import UnprotectedDeployment

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

QUICK = ("reply lost after commit", "webhooks twice", "SIGKILL with calls in flight")


@pytest.fixture(scope="module")
def site(stack: StackInfo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(None, stack, tmp_path_factory.mktemp("matrix"), "matrix.", 1)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def words(result: Result) -> str:
    return str(result.as_json())


@pytest.mark.parametrize("name", QUICK)
def test_row_holds(site: Site, name: str) -> None:
    (row,) = [each for each in ROWS if each.name == name]
    result = run(site, row)
    assert result.held, words(result)
    assert set(result.verdicts) >= set(row.kinds) - {"update"}, words(result)


def test_without_the_protocol_the_matrix_fails(stack: StackInfo, tmp_path: Path) -> None:
    """The control: what shows nothing wrong here would show nothing wrong anywhere."""
    (row,) = chosen("protocol switched off")
    site = Site(None, stack, tmp_path, "control.", 1, made=UnprotectedDeployment)
    try:
        site.start()
        result = run(site, row)
    finally:
        site.stop()
    assert row.control
    assert not result.trouble, words(result)
    assert result.verdicts["order"].duplicated, words(result)
    assert result.verdicts["create"].duplicated, words(result)


def test_rows_are_told_apart() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.group for row in ROWS} == set(SURROUNDINGS)
    with pytest.raises(ValueError, match="no row and no group"):
        chosen("no such row")


def test_a_seed_draws_the_same_plan_again() -> None:
    first, again, other = plan(7), plan(7), plan(8)
    assert [row.name for row in first.rows] == [row.name for row in again.rows]
    assert [row.kinds for row in first.rows] == [row.kinds for row in again.rows]
    assert [row.name.partition(": ")[2] for row in first.rows] != [row.name.partition(": ")[2] for row in other.rows]
