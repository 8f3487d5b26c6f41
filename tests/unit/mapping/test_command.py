"""`headrace mapping check` over a folder of services."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from headrace.cli.mapping import check_all
from headrace.core.contracts import ALONE, Connector, ObjectDescription, Surroundings
from headrace.core.errors import ConfigurationError

GOOD = """\
direction: in
system: crm
object: deal
entity: sales_order
version: 1
fields:
  title: {copy: title}
"""


def opened(name: str, config: Any, around: Surroundings = ALONE) -> Any:
    raise AssertionError("checking opens no connection")


CRM = Connector("crm", BaseModel, opened, {"deal": ObjectDescription("deal", {"title": "string"})}, lambda config: {})


def fields(entity: str) -> Mapping[str, str]:
    if entity != "sales_order":
        raise ConfigurationError(f"no entity {entity}")
    return {"title": "string"}


def services(root: Path, **files: str) -> Path:
    folder = root / "ingest" / "mappings" / "crm"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return root


def test_good_mappings_pass_and_other_yaml_is_left_alone(tmp_path: Path) -> None:
    services(tmp_path, deal=GOOD)
    (tmp_path / "ingest" / "compose.yaml").write_text("services: {}\n")
    assert check_all(tmp_path, (CRM,), fields) == (1, [])


def test_every_problem_of_every_file(tmp_path: Path) -> None:
    services(
        tmp_path,
        a=GOOD,
        b=GOOD,
        c=GOOD.replace("crm", "erp"),
        d=GOOD.replace("sales_order", "order"),
        e=GOOD.replace("copy: title", "copy: titel"),
        f="direction: in\n",
    )
    count, problems = check_all(tmp_path, (CRM,), fields)
    assert count == 6
    wanted = [
        ("b.yaml:1: ", "a.yaml maps the same"),
        ("c.yaml:2: system", 'no connector "erp"; there are: crm'),
        ("d.yaml:4: entity", "no entity order"),
        ("e.yaml:1: ", "maps the same"),
        ("e.yaml:7: fields.title.copy", 'did you mean "title"?'),
        ("f.yaml:1: system", "missing"),
    ]
    for place, says in wanted:
        assert any(place in problem and says in problem for problem in problems), (place, says, problems)


def test_a_folder_without_mappings_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no mapping lies below"):
        check_all(tmp_path, (CRM,), fields)
    with pytest.raises(ConfigurationError, match="no such folder"):
        check_all(tmp_path / "none", (CRM,), fields)
