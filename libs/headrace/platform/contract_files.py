"""Contract files: what is assumed of an API whose reference is not public, as data.

A connector has its assumptions in a YAML file; a customer's own file names only what differs there.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from headrace.core.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)
OpenEnd = Callable[[str], bool]
"""Says of a place such as "lengths.vendor" whether names may stand there that the default does not have."""

ABSENT = object()
"""What a row does not show, unlike what it shows as empty."""


def exactly(row: Any, name: str) -> Any:
    """Return a field of a row; `ABSENT` if there is none."""
    return row.get(name, ABSENT) if isinstance(row, Mapping) else ABSENT


def find(row: Any, place: str, named: Callable[[Any, str], Any] = exactly) -> Any:
    """Return what stands at a place such as "BankAccount.ClientIds.0", `ABSENT` if the row does not show it.

    Below what is shown as empty, everything is empty: a payment without a card has no card reference.

    Args:
        row: an object of an answer.
        place: names of fields and numbers of list items.
        named: finds one field by its name.
    """
    found = row
    for part in place.split("."):
        if found is None:
            return None
        if isinstance(found, list):
            found = found[int(part)] if part.isdigit() and int(part) < len(found) else None
        else:
            found = named(found, part)
        if found is ABSENT:
            return ABSENT
    return found


def load(model: type[Model], default: str, path: Path | None, open_end: OpenEnd = lambda place: False) -> Model:
    """Return a contract, with a customer's file over the default.

    Args:
        model: checks the contract.
        default: text of the connector's own file.
        path: the customer's file, None for none.
        open_end: where a customer may add names.

    Raises:
        ConfigurationError: every problem of the file, one line each, with the closest right name.
    """
    usual: dict[str, Any] = yaml.safe_load(default)
    if path is None:
        return model.model_validate(usual)
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    combined, problems = merged(usual, own, open_end)
    contract: Model | None = None
    try:
        contract = model.model_validate(combined)
    except ValidationError as error:
        problems += [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
    if problems or contract is None:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return contract


def merged(
    default: Mapping[str, Any], own: Any, open_end: OpenEnd = lambda place: False
) -> tuple[dict[str, Any], list[str]]:
    """Return `default` with what `own` names in its place, and as problems the names that `default` lacks."""
    problems: list[str] = []
    return _merged(default, own, "", problems, open_end), problems


def _merged(default: Mapping[str, Any], own: Any, place: str, problems: list[str], open_end: OpenEnd) -> dict[str, Any]:
    if not isinstance(own, Mapping):
        problems.append(f"{place or 'the file'}: names and values are needed, such as in contract.yaml")
        return dict(default)
    found = dict(default)
    for name, value in own.items():
        where = f"{place}.{name}" if place else str(name)
        if name not in default and not open_end(place):
            problems.append(f"{where}: {unknown_name(str(name), default)}")
        elif isinstance(default.get(name), Mapping):
            found[name] = _merged(default[name], value, where, problems, open_end)
        else:
            found[name] = value
    return found


def unknown_name(name: str, known: Collection[str]) -> str:
    """Return what is wrong with a name that is none of the known ones, and which was perhaps meant."""
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"unknown name {name}; " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}")
