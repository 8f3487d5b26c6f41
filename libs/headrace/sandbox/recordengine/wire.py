"""Names and words on the wire: the usual ones, and over them what `contract` in the settings names differently.

The file has the shape of a contract file, so that what a customer would correct can be tried here as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import yaml

from headrace.platform.contract_files import merged
from headrace.sandbox.recordengine.statuses import NAMES

USUAL: Mapping[str, Any] = yaml.safe_load(resources.files(__package__).joinpath("wire.yaml").read_text("utf-8"))
_USUAL_WORDS = {name: word for word, name in NAMES.items()}


class Wire:
    """One instance's names.

    Raises:
        ValueError: `own` names something that there is not.
    """

    def __init__(self, own: Mapping[str, Any]) -> None:
        names, problems = merged(USUAL, own)
        if problems:
            raise ValueError("; ".join(problems))
        self.upload: Mapping[str, Any] = names["upload"]
        self.lists: Mapping[str, Any] = names["lists"]
        self.webhook: Mapping[str, Any] = names["webhook"]
        self.status: Mapping[str, Any] = names["status"]
        self.refs: Mapping[str, Any] = names["refs"]
        self.extraction: Mapping[str, Any] = names["extraction"]
        self.fields: Mapping[str, Mapping[str, str]] = names["fields"]
        self.paths: Mapping[str, str] = names["paths"]
        followers: Mapping[str, Sequence[str]] = self.status["transitions"]
        self.transitions = {
            _USUAL_WORDS[name]: tuple(_USUAL_WORDS[each] for each in after) for name, after in followers.items()
        }
        self._patterns = {name: _pattern(path) for name, path in self.paths.items()}

    def match(self, name: str, path: str) -> Mapping[str, str] | None:
        """Return the parts of a path that vary, None if it is not the one of this name."""
        found = self._patterns[name].fullmatch(path)
        return None if found is None else found.groupdict()

    def method(self, name: str) -> str:
        """Return the method by which the status, or the references, are changed."""
        return str((self.status if name == "status" else self.refs)["method"])

    def word(self, status: str) -> str:
        """Return a status as the wire has it."""
        return str(self.status["words"][NAMES[status]])

    def usual_word(self, word: object) -> str | None:
        """Return the usual word of a status on the wire, None if there is no such status."""
        return next((usual for usual in NAMES if self.word(usual) == word), None)

    def shaped(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a body of a kind: each value that there is stands at its place."""
        out: dict[str, Any] = {}
        for name, place in self.fields[kind].items():
            if name in values:
                put(out, place.split("."), values[name])
        return out

    def place_of(self, body: str, place: int, name: str) -> list[str]:
        """Return where an extracted field stands, as names of fields in fields.

        Args:
            body: document, v1 or v2.
            place: which of the places in the contract.
            name: usual name of the field.
        """
        names, labels = self.extraction["names"], self.extraction["labels"]
        theirs, label = names.get(name, name), labels.get(name, name)
        patterns: Sequence[str] = self.extraction["places"][body]
        pattern = patterns[min(place, len(patterns) - 1)]
        return [part.replace("{name}", theirs).replace("{label}", label) for part in pattern.split(".")]


def put(out: dict[str, Any], place: Sequence[str], value: Any) -> None:
    """Set a field of a field."""
    for name in place[:-1]:
        out = out.setdefault(name, {})
    out[place[-1]] = value


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
