"""Mapping files → documents, checked against themselves. Every problem of a file is reported at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from headrace.core.errors import ConfigurationError
from headrace.core.spelling import closest
from headrace.mapping.contradictions import contradictions
from headrace.mapping.documents import InMapping, Origin, OutMapping
from headrace.mapping.expressions import TAG, VERBS
from headrace.mapping.yaml_reading import Lines, YamlProblem, read_yaml

MappingDocument = InMapping | OutMapping


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a mapping: where, and what to do about it."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


def load(path: Path) -> MappingDocument:
    """Return the mapping in a file, compiled.

    Raises:
        ConfigurationError: every problem of the file, each with file, line, field and remedy.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= 2_000_000 else b"\n" * 2_000_000
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    return parse(content, str(path))


def parse(content: bytes | str, file: str = "<mapping>") -> MappingDocument:
    """Return the mapping in a YAML text, compiled; `file` names it in errors.

    Raises:
        ConfigurationError: as `load`.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        value, lines = read_yaml(data)
    except YamlProblem as problem:
        raise ConfigurationError(str(Problem(file, problem.line, "", str(problem)))) from None
    model = _model(value, file)
    try:
        document = model.model_validate(value)
    except ValidationError as error:
        raise ConfigurationError([str(problem) for problem in _problems(error, model, lines, file)]) from None
    document.read_from(Origin(file, lines, hashlib.sha256(data).hexdigest()[:12]))
    found = [
        str(Problem(file, document.line(location), dotted(location), text))
        for location, text in contradictions(document)
    ]
    if found:
        raise ConfigurationError(found)
    _ = document.program  # compiled now, so that nothing is left to fail at the first record
    return document


def load_directory(directory: Path) -> tuple[MappingDocument, ...]:
    """Return every mapping below `directory` (`*.yaml`, `*.yml`), in the order of their paths.

    Raises:
        ConfigurationError: every problem of every file; or the directory does not exist.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory}: no such directory")
    documents, problems = [], []
    for path in mapping_files(directory):
        try:
            documents.append(load(path))
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return tuple(documents)


def mapping_files(directory: Path) -> list[Path]:
    """Return the YAML files below `directory`, sorted.

    Hidden folders are left out: Kubernetes keeps the files of a mounted ConfigMap in one (`..2026_11_21…`) and links to
    them from the folder itself, so that each would be found twice.
    """
    found = (path for path in directory.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(directory).parts[:-1])
    )


def dotted(location: Sequence[str | int]) -> str:
    """Return a location as people write it: `fields.lines.fields.price`, `steps[1].marker`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _model(value: Any, file: str) -> type[InMapping] | type[OutMapping]:
    direction = value.get("direction") if isinstance(value, dict) else None
    if direction == "in":
        return InMapping
    if direction == "out":
        return OutMapping
    raise ConfigurationError(str(Problem(file, 1, "direction", "say `direction: in` or `direction: out`")))


def _problems(error: ValidationError, model: type[BaseModel], lines: Lines, file: str) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        location = tuple(part for part in item["loc"] if not (isinstance(part, str) and part.startswith(TAG)))
        if location and location[-1] == "[key]":
            location = location[:-1]
        line = next((lines[location[:end]] for end in range(len(location), -1, -1) if location[:end] in lines), 0)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            names = _names_at(model, item["loc"][:-1])
            name = str(location[-1])
            message = f"unknown name{closest(name, names) or ('; known: ' + ', '.join(names))}"
        elif item["type"] == "missing":
            message = "missing; add it"
        yield Problem(file, line, dotted(location), message)


def _names_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Return the names that the model at a location of a pydantic error allows."""
    current: Any = model
    for part in location:
        if isinstance(part, str) and part.startswith(TAG):
            current = VERBS[part.removeprefix(TAG)]
        elif isinstance(current, type) and issubclass(current, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in current.model_fields.items()}
            if part in fields:
                current = _model_in(fields[str(part)]) or current
    return [info.alias or name for name, info in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)
