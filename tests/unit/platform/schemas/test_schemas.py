"""Loading contracts, and where they are found."""

from __future__ import annotations

import json
from pathlib import Path

import fastavro
import pytest

from headrace.core.errors import ConfigurationError
from headrace.core.event import Change, Meta
from headrace.core.outcome import Status
from headrace.platform.paths import project_root, schemas_dir, services_dir
from headrace.platform.schemas import UNKNOWN, Schemas, named_types
from headrace.platform.topics import ENTITIES

SCHEMAS = Schemas(schemas_dir())


def record(name: str, fields: list[object], namespace: str = "com.x") -> str:
    return json.dumps({"type": "record", "name": name, "namespace": namespace, "fields": fields})


def test_every_entity_has_a_contract() -> None:
    assert {f"canonical/{entity}.v1" for entity in ENTITIES} <= set(SCHEMAS.names())


@pytest.mark.parametrize("name", SCHEMAS.names())
def test_the_flattened_text_stands_alone(name: str) -> None:
    parsed = fastavro.parse_schema(json.loads(SCHEMAS.flattened(name)), named_schemas={})
    names = [schema["name"] for schema in named_types(parsed)]
    assert len(names) == len(set(names))
    assert SCHEMAS.name_of(json.loads(SCHEMAS.flattened(name))) == name


def test_the_contract_and_the_core_agree() -> None:
    meta = SCHEMAS.raw("common/meta")["fields"]
    assert [field["name"] for field in meta] == list(Meta.__slots__)
    symbols = {
        schema["name"].rpartition(".")[2]: schema["symbols"]
        for name in SCHEMAS.names()
        for schema in named_types(SCHEMAS.parsed(name))
        if schema["type"] == "enum"
    }
    assert symbols["Change"] == [*Change, UNKNOWN]
    assert symbols["EffectStatus"] == [*Status, UNKNOWN]


def test_entity_fields() -> None:
    fields = SCHEMAS.entity_fields("sales_order")
    expected = {
        "number": "string",
        "ordered_on": "date",
        "prices_include_tax": "boolean",
        "discount_percent": "decimal",
        "customer": "object",
        "customer.external_id": "string",
        "invoice_customer.number": "string",
        "total.amount": "decimal",
        "lines": "list",
        "lines[].position": "integer",
        "lines[].quantity": "decimal",
        "lines[].product.canonical_id": "string",
        "lines[].dimensions[].name": "string",
    }
    assert fields.items() >= expected.items()
    assert SCHEMAS.entity_fields("opportunity")["won_at"] == "datetime"
    assert "meta" not in fields


def test_an_unknown_entity_is_told_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"no schema canonical/ordr\.v1; there are: .*sales_order"):
        SCHEMAS.entity_fields("ordr")


def test_a_shared_type_is_written_out_once_and_named_after() -> None:
    schemas = Schemas(
        {
            "common/money.avsc": record("Money", [{"name": "a", "type": "int"}], "com.shared"),
            "internal/r.v1.avsc": record(
                "R",
                [
                    {"name": "x", "type": ["null", "com.shared.Money"]},
                    {"name": "y", "type": {"type": "array", "items": "com.shared.Money"}},
                ],
            ),
        }
    )
    fields = json.loads(schemas.flattened("internal/r.v1"))["fields"]
    assert fields[0]["type"][1]["name"] == "Money"
    assert fields[1]["type"]["items"] == "com.shared.Money"
    assert schemas.raw("internal/r.v1")["fields"][0]["type"][1] == "com.shared.Money"


def test_all_problems_are_told_at_once_with_file_and_field() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Schemas(
            {
                "internal/a.v1.avsc": "{",
                "internal/b.v1.avsc": record("B", [{"name": "x", "type": "com.shared.Mony"}]),
                "internal/c.v1.avsc": record(
                    "C", [{"name": "x", "type": {"type": "record", "name": "C", "fields": []}}]
                ),
                "internal/d.v1.avsc": "[]",
                "internal/e.v1.avsc": record("E", [{"name": "x"}]),
            }
        )
    text = str(raised.value)
    assert len(raised.value.problems) == 5
    for expected in ("a.v1.avsc", "B.x: the type com.shared.Mony", "C.x: the type com.x.C is defined twice", "d.v1"):
        assert expected in text


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not found"):
        Schemas(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="no contracts"):
        Schemas(tmp_path)


# --- paths ---


def test_the_root_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_ROOT", str(tmp_path))
    with pytest.raises(ConfigurationError, match="HEADRACE_ROOT"):
        project_root()
    (tmp_path / "schemas" / "canonical").mkdir(parents=True)
    assert schemas_dir() == tmp_path.resolve() / "schemas"
    with pytest.raises(ConfigurationError, match="services: not found"):
        services_dir()
    (tmp_path / "services").mkdir()
    assert services_dir() == tmp_path.resolve() / "services"


def test_the_root_is_found_upwards_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_ROOT", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "schemas" / "canonical").mkdir(parents=True)
    monkeypatch.chdir(below)
    assert project_root() == tmp_path


def test_the_root_of_a_checkout_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert (project_root() / "schemas" / "canonical" / "customer.v1.avsc").is_file()
