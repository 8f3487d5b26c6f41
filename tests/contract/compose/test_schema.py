"""The file is what the Compose specification says a compose file is."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.contract.compose.files import COMPOSE, document, interpolate


def compose_specification() -> jsonschema.Draft7Validator:
    """The schema that check-jsonschema carries; `make compose` checks the same through its command line."""
    found = importlib.util.find_spec("check_jsonschema")
    assert found is not None
    assert found.origin is not None
    file = Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    return jsonschema.validators.validator_for({})(json.loads(file.read_text(encoding="utf-8")))


def test_keeps_the_specification() -> None:
    problems = list(compose_specification().iter_errors(yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))))

    assert not [f"{'.'.join(map(str, problem.absolute_path))}: {problem.message}" for problem in problems]


def test_the_specification_refuses_a_wrong_name() -> None:
    broken = {"services": {"kafka": {"image": "a", "helthcheck": {}}}}

    assert list(compose_specification().iter_errors(broken))


def test_every_variable_of_the_shell_has_a_default() -> None:
    assert document()["services"]
    with pytest.raises(KeyError, match="HEADRACE_TAG"):
        interpolate("headrace:${HEADRACE_TAG}")
