"""`headrace mapping`: what a mapping says, checked before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headrace.core.contracts import Connector
from headrace.core.errors import ConfigurationError
from headrace.mapping.checking import check as check_document
from headrace.mapping.documents import InMapping
from headrace.mapping.loading import MappingDocument, load, mapping_files
from headrace.platform.paths import schemas_dir, services_dir
from headrace.platform.schemas import Schemas

EntityFields = Callable[[str], Mapping[str, str]]

app = typer.Typer(help="Mapping documents.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = Console(highlight=False, soft_wrap=True, markup=False)
_err = Console(highlight=False, soft_wrap=True, markup=False, stderr=True)


@app.callback()
def _group() -> None:
    """Keep `check` a word of its own while it is the only command."""


@app.command()
def check(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder below which <service>/mappings lie [default: services].")
    ] = None,
) -> None:
    """Check every mapping against itself, the canonical schemas and the systems' objects. Exit 1 on any problem."""
    from headrace.cli.systems import CONNECTORS

    try:
        folder = directory or services_dir()
        checked, problems = check_all(folder, CONNECTORS, Schemas(schemas_dir()).entity_fields)
    except ConfigurationError as error:
        checked, problems = 0, error.problems
    for problem in problems:
        _err.print(problem)
    if problems:
        _err.print(f"{len(problems)} problem{'s' * (len(problems) > 1)}")
        raise typer.Exit(1)
    _out.print(f"{checked} mappings checked, no problem")


def check_all(directory: Path, connectors: Sequence[Connector], entity_fields: EntityFields) -> tuple[int, list[str]]:
    """Check every mapping file below `directory` that lies in a folder `mappings`.

    Args:
        directory: usually `services`.
        connectors: the systems that there are.
        entity_fields: entity → its data fields; raises ConfigurationError for an unknown entity.

    Returns:
        How many files were looked at, and every problem as one line: file, line, field, remedy.

    Raises:
        ConfigurationError: the folder does not exist or holds no mapping.
    """
    if not directory.is_dir():
        raise ConfigurationError(f"{directory}: no such folder; name the folder of the services with --dir")
    files = [path for path in mapping_files(directory) if "mappings" in path.relative_to(directory).parts[:-1]]
    if not files:
        raise ConfigurationError(
            f"{directory}: no mapping lies below a folder `mappings` here; name another with --dir"
        )
    systems = {connector.system: connector for connector in connectors}
    problems: list[str] = []
    seen: dict[tuple[str, ...], str] = {}
    for path in files:
        try:
            document = load(path)
            problems += _twice(document, path, seen)
            problems += _against_system(document, systems, entity_fields)
        except ConfigurationError as error:
            problems += error.problems
    return len(files), problems


def _against_system(
    document: MappingDocument, systems: Mapping[str, Connector], entity_fields: EntityFields
) -> list[str]:
    connector = systems.get(document.system)
    if connector is None:
        names = ", ".join(systems)
        place = f"{document.file}:{document.line(('system',))}"
        return [f'{place}: system: no connector "{document.system}"; there are: {names}']
    try:
        fields = entity_fields(document.entity)
    except ConfigurationError as error:
        return [f"{document.file}:{document.line(('entity',))}: entity: {text}" for text in error.problems]
    return [str(problem) for problem in check_document(document, fields, connector.objects, connector.transforms(None))]


def _twice(document: MappingDocument, path: Path, seen: dict[tuple[str, ...], str]) -> list[str]:
    """Two mappings of one folder for the same thing: which of them counts nobody can say."""
    about = (document.object,) if isinstance(document, InMapping) else ()
    key = (str(path.parent), document.direction, document.system, document.entity, *about)
    first = seen.setdefault(key, document.file)
    return [] if first == document.file else [f"{document.file}:1: {first} maps the same; remove one of them"]
