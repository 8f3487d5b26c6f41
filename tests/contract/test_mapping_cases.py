"""Every mapping does what its cases say; a newcomer adds a folder of two files (`headrace.testing.mapping_cases`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headrace.cli.systems import CONNECTORS
from headrace.core import values
from headrace.platform.codec import Codec
from headrace.platform.schemas import Schemas
from headrace.testing.mapping_cases import Bench, MappingUnderTest, expectation, mappings

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
MAPPINGS = mappings(ROOT / "services", CASES)
CODEC = Codec.offline(Schemas(ROOT / "schemas"))
BY_SYSTEM = {connector.system: connector for connector in CONNECTORS}
EACH_CASE = [
    pytest.param(mapping, case, id=f"{mapping.folder.parent.name}/{mapping.folder.name}/{case.name}")
    for mapping in MAPPINGS
    for case in mapping.cases
]
DEPENDS_ON_DEPLOYMENT = {
    # The table of tax rates is empty until somebody fills it for an environment.
    ("sales_order.yaml", "line"): {"SalesTaxItemGroupCode"},
    ("customer_invoice.yaml", "line"): {"SalesTaxItemGroupId"},
}
ONLY_EMPTIED = {
    # Number and floor are in the street: what stood there before must not stand there twice.
    ("customer.yaml", "organization"): {"address.street_number", "address.subpremise"},
}
each_mapping = pytest.mark.parametrize(
    "mapping", MAPPINGS, ids=lambda mapping: f"{mapping.folder.parent.name}/{mapping.folder.name}"
)


@pytest.fixture
async def bench(mapping: MappingUnderTest) -> AsyncIterator[Bench]:
    system = mapping.document.system
    config = values.load((CASES / system / "config.json").read_text(encoding="utf-8"))
    made = Bench(BY_SYSTEM[system], config, CODEC)
    yield made
    await made.close()


@pytest.mark.parametrize(("mapping", "case"), EACH_CASE)
async def test_case(mapping: MappingUnderTest, case: Path, bench: Bench) -> None:
    assert bench.outcome(mapping.document, case) == expectation(case)


@each_mapping
def test_mapping_has_a_case_of_every_kind(mapping: MappingUnderTest) -> None:
    kinds = {case.name.partition("-")[0] for case in mapping.cases}
    missing = [kind for kind in mapping.kinds if kind not in kinds]
    assert not missing, f"{mapping.folder.relative_to(ROOT)}: add cases of the kinds {', '.join(missing)}"


@each_mapping
def test_every_field_of_a_mapping_is_shown_by_a_case(mapping: MappingUnderTest) -> None:
    shown, shown_empty = mapping.shown(), mapping.shown(empty=True)
    for step, written in mapping.written().items():
        emptied = ONLY_EMPTIED.get((mapping.path.name, step), set())
        fields = written - DEPENDS_ON_DEPLOYMENT.get((mapping.path.name, step), set())
        assert emptied <= shown_empty.get(step, set()), f"no case empties {step} {', '.join(sorted(emptied))}"
        missing = sorted((fields - emptied) - shown.get(step, set()))
        assert not missing, f"{mapping.path.relative_to(ROOT)}: no case shows {step} {', '.join(missing)} with a value"


@each_mapping
def test_cases_say_what_their_names_say(mapping: MappingUnderTest) -> None:
    for case in mapping.cases:
        kind, expected = case.name.partition("-")[0], expectation(case)
        assert ("rejected" in expected) == (kind == "rejected"), case
        assert ("skipped" in expected) == (kind == "skipped"), case
        if kind == "cleared":
            parts = [expected["data"]] if "data" in expected else [step["fields"] for step in expected["steps"]]
            assert any(value is None for part in parts for value in part.values()), f"{case} clears nothing"
        if kind == "unicode":
            assert not (case / "expected.json").read_text(encoding="utf-8").isascii(), f"{case} is ASCII"


def test_every_folder_of_cases_belongs_to_a_mapping() -> None:
    folders = {path for path in CASES.glob("*/*") if path.is_dir()}
    assert folders == {mapping.folder for mapping in MAPPINGS}
