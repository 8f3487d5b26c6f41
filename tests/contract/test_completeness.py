"""No connector without the inherited suites; a connector that cannot be read or written says why."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import headrace.connectors
from headrace.cli.systems import CONNECTORS
from headrace.core import values
from headrace.core.contracts import Connection
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
    """Some test of `tests/contract/<system>` inherits the suite, or its `harness.py` says why not.

    `NO_SOURCE = "reason"` or `NO_TARGET = "reason"` there is believed only of a connector whose connections lack it.
    """
    reason = getattr(importlib.import_module(f"tests.contract.{system}.harness"), f"NO_{side.upper()}", "")
    if getattr(await opened(system), side) is None:
        assert reason, f"{system} has no {side}: say why in tests/contract/{system}/harness.py"
    else:
        assert not reason, f"{system} has a {side}"
        assert inheriting(system, suite), f"no test of tests/contract/{system} inherits {suite.__name__}"


def inheriting(system: str, suite: type[Suite]) -> list[str]:
    """Return the test classes of a system that inherit a suite."""
    names = [path.stem for path in (Path(__file__).parent / system).glob("test_*.py")]
    modules = [importlib.import_module(f"tests.contract.{system}.{name}") for name in names]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return [each.__name__ for each in found if issubclass(each, suite) and each.__name__.startswith("Test")]


async def opened(system: str) -> Connection:
    """Return a connection; opening one calls nothing."""
    (connector,) = [each for each in CONNECTORS if each.system == system]
    config = values.load((CASES / system / "config.json").read_text(encoding="utf-8"))
    connection = connector.open(system, checked(connector.config, config, system))
    await connection.close()
    return connection
