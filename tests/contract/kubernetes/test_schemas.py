"""Every manifest is what Kubernetes, or the operator that reads it, takes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.contract.kubernetes.rendering import EXAMPLE, Manifest, everything, of, render, services

VERSIONS = ("1.30", "1.33")
"""The oldest that has everything we use (a sleep as preStop), and the newest whose schemas are installed."""

SCHEMAS: dict[str, Any] = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in (Path(__file__).parent / "schemas").glob("*.yaml")
}
"""Of resources that operators define. They allow what we use and nothing else, so they fail sooner than a cluster."""


def problems_of(manifest: Manifest, version: str) -> list[str]:
    kind = manifest["kind"]
    if kind in SCHEMAS:
        found = jsonschema.Draft202012Validator(SCHEMAS[kind]).iter_errors(manifest)
        return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in found]
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'.'.join(map(str, error.path))}: {error.message}"]
    return []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", everything(), ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
def test_fits_its_schema(manifest: Manifest, version: str) -> None:
    assert problems_of(manifest, version) == []


@pytest.mark.parametrize("folder", [EXAMPLE.parent / "base", *services()], ids=lambda path: path.name)
def test_each_part_renders_by_itself(folder: Path) -> None:
    assert render(folder)


def test_every_schema_of_an_operator_is_used() -> None:
    assert set(SCHEMAS) == {kind for kind in SCHEMAS if of(kind)}


@pytest.mark.parametrize("kind", ["StatefulSet", "NetworkPolicy", *SCHEMAS])
def test_an_unknown_field_is_found(kind: str) -> None:
    broken = copy.deepcopy(of(kind)[0])
    broken["spec"]["replicaz"] = 1

    assert problems_of(broken, VERSIONS[-1])


def test_a_wrong_operation_is_found() -> None:
    broken = copy.deepcopy(of("KafkaUser")[0])
    broken["spec"]["authorization"]["acls"][0]["operations"] = ["Reed"]

    assert "Reed" in problems_of(broken, VERSIONS[-1])[0]
