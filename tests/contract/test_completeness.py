"""No connector without the inherited suites; a connector that cannot be read or written says why."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import headrace.connectors
from headrace.cli.systems import CONNECTORS
from headrace.core import values
from headrace.platform.settings import checked
from headrace.testing.suites import SourceSuite, TargetSuite
from headrace.testing.suites.base import Suite

CASES = Path(__file__).parent / "cases"
SYSTEMS = sorted(found.name for found in pkgutil.iter_modules(headrace.connectors.__path__) if found.ispkg)
each_system = pytest.mark.parametrize("system", SYSTEMS)


def test_every_connector_is_listed() -> None:
    assert sorted(connector.system for connector in CONNECTORS) == SYSTEMS


@each_system
@pytest.mark.parametrize(("side", "suite"), [("source", SourceSuite), ("target", TargetSuite)])
async def test_connector_inherits_its_suites(system: str, side: str, suite: type[Suite]) -> None:
    """`tests/contract/<system>/test_suites.py` subclasses both suites, or `NONE` there names the side and the reason."""
    module = importlib.import_module(f"tests.contract.{system}.test_suites")
    inherited = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, suite)]
    reasons = getattr(module, "NONE", {})
    connection = await opened(system)
    if getattr(connection, side) is None:
        assert reasons.get(side), f"{system} has no {side}: say why, NONE = {{{side!r}: ...}} in its test_suites.py"
    else:
        assert side not in reasons, f"{system} has a {side}"
        assert [each for each in inherited if each is not suite], f"{system} does not inherit {suite.__name__}"


async def opened(system: str) -> object:
    (connector,) = [each for each in CONNECTORS if each.system == system]
    config = values.load((CASES / system / "config.json").read_text(encoding="utf-8"))
    connection = connector.open(system, checked(connector.config, config, system))
    await connection.close()
    return connection
