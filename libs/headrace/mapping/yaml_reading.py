"""YAML text → plain values and the line of every part. Nothing that can hurt is followed.

Scalars follow the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), so that `NO` and `0010` stay
text; numbers with a point are Decimal; YYYY-MM-DD is a date.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_ALIASES = 16
MAX_NODES = 50_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

Lines = dict[tuple[str | int, ...], int]


class YamlProblem(Exception):
    """The text is not YAML that a mapping may use. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def read_yaml(content: bytes) -> tuple[Any, Lines]:
    """Return the document's value and the line of each part by its location.

    Raises:
        YamlProblem: not UTF-8, not YAML, too large or too deep, tags, many aliases, or a name given twice.
    """
    if len(content) > MAX_BYTES:
        raise YamlProblem(1, f"larger than {MAX_BYTES} bytes; a mapping is one entity and one direction")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlProblem(content.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from None
    try:
        _examine(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, str(error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise YamlProblem(1, " ".join(str(error).split())) from None
    if node is None:
        raise YamlProblem(1, "empty; a mapping starts with `direction: in` or `direction: out`")
    reading = _Reading()
    value = reading.value(node, (), 0)
    return value, reading.lines


def _examine(text: str) -> None:
    """Look at the events only, before anything is built: depth, aliases and size are bounded here."""
    depth = aliases = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlProblem(line, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > MAX_ALIASES:
                raise YamlProblem(line, f"more than {MAX_ALIASES} aliases; write the parts out")
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlProblem(line, "a second document; one file is one mapping")


class _Reading:
    def __init__(self) -> None:
        self.lines: Lines = {}
        self._nodes = 0

    def value(self, node: yaml.Node, location: tuple[str | int, ...], depth: int) -> Any:
        line = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise YamlProblem(line, "too much once its aliases are followed; write the parts out")
        self.lines.setdefault(location, line)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in _TAGS:
            raise YamlProblem(line, f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry, (*location, at), depth + 1) for at, entry in enumerate(node.value)]
        return _scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, location: tuple[str | int, ...], depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = _scalar(key_node, line) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str | int) or isinstance(key, bool):
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str | int):
                raise YamlProblem(line, "a name is text, not a list or a mapping")
            if key in result:
                raise YamlProblem(line, f'"{key}" is given twice')
            self.lines[(*location, key)] = line
            result[key] = self.value(value_node, (*location, key), depth + 1)
        return result


_TAGS = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value"}


def _scalar(node: Any, line: int) -> Any:
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):  # quoted, or a block: always text
        return text
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise YamlProblem(line, f"{text} is not a day of the calendar") from None
    return text
