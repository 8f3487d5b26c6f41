"""What `headrace credentials set` and `headrace pipedrive authorize` refuse before they begin."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.cli.pipedrive_authorize import code_of
from headrace.core.errors import StopConnection

STATE = "canary-state"


@pytest.mark.parametrize("name", ["Upper", "oauth:crm", "a#claim", "", "ä", "a" * 101, "${credential:x}"])
def test_names_that_cannot_be_stored(name: str) -> None:
    result = CliRunner().invoke(app, ["credentials", "set", "--", name], input="canary-value")
    assert result.exit_code == 2
    assert "lower-case letters" in result.output
    assert "canary" not in result.output


@pytest.mark.parametrize("value", ["", "\n", "  \r\n"])
def test_an_empty_value(value: str) -> None:
    result = CliRunner().invoke(app, ["credentials", "set", "crm"], input=value)
    assert result.exit_code == 2
    assert "empty" in result.output


def test_a_value_is_never_an_argument() -> None:
    result = CliRunner().invoke(app, ["credentials", "set", "crm", "canary-value"])
    assert result.exit_code == 2


def query(**parts: str) -> str:
    return urlencode(parts)


def test_the_code_of_a_redirect() -> None:
    assert code_of(query(code="c+ /ä", state=STATE), STATE) == "c+ /ä"


@pytest.mark.parametrize("state", ["", "other", STATE[:-1], STATE + "x", "ä"])
def test_an_answer_with_another_state_is_not_ours(state: str) -> None:
    for parts in ({"code": "c"}, {"error": "user_denied"}):
        with pytest.raises(StopConnection, match="another attempt") as caught:
            code_of(query(**parts, state=state), STATE)
        assert not caught.value.remedy
        assert STATE not in str(caught.value)


@pytest.mark.parametrize("parts", [{"error": "user_denied"}, {"error": "access_denied"}, {"code": ""}, {}])
def test_no_code_is_told_with_a_remedy(parts: dict[str, str]) -> None:
    with pytest.raises(StopConnection) as caught:
        code_of(query(**parts, state=STATE), STATE)
    assert caught.value.remedy
