"""`make new-system NAME=x`: writes the skeleton of a new system, whose contract tests stay red until it is real."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from rich.console import Console

from headrace.core.errors import ConfigurationError
from headrace.platform.paths import project_root

TEMPLATES = Path(__file__).resolve().parent / "templates" / "new_system"
_SUFFIX = ".tmpl"
_PLACEHOLDER = "__system__"
_FORM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 30
_HOMES = ("libs/headrace/connectors", "libs/headrace/sandbox", "services", "services/ingest/mappings", "tests/contract")
"""Folders in which a system has a folder of its own name."""

_err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True, slots=True)
class System:
    """One name in the spellings that files need."""

    name: str

    @property
    def class_name(self) -> str:
        """`dynamics_gp` → `DynamicsGp`."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def title(self) -> str:
        """`dynamics_gp` → `Dynamics gp`: how texts speak of it until somebody knows better."""
        return self.name.replace("_", " ").capitalize()

    @property
    def service(self) -> str:
        """`dynamics_gp` → `dynamics-gp`: the name of its containers."""
        return self.name.replace("_", "-")

    def fill(self, text: str) -> str:
        """Return a template with the name in it."""
        words = {"system": self.name, "class_name": self.class_name, "title": self.title, "service": self.service}
        return Template(text).substitute(words)


def new_system(name: str, root: Path) -> list[Path]:
    """Write the files of a new system below the project's root; either all of them or none.

    Args:
        name: lower-case words joined by underscores; it becomes the name of packages and folders.
        root: the project's root folder.

    Returns:
        The files, in order.

    Raises:
        ConfigurationError: the name does not fit or is taken; nothing was written.
    """
    problems = list(_problems(name, root))
    if problems:
        raise ConfigurationError(problems)
    system = System(name)
    files = {
        root / str(template.relative_to(TEMPLATES)).removesuffix(_SUFFIX).replace(_PLACEHOLDER, name): system.fill(
            template.read_text(encoding="utf-8")
        )
        for template in sorted(TEMPLATES.rglob(f"*{_SUFFIX}"))
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def remaining_edits(name: str) -> list[str]:
    """Return what the skeleton cannot write, because it changes files that people keep."""
    system = System(name)
    return [
        f"libs/headrace/cli/systems.py: import CONNECTOR of headrace.connectors.{name}, add it to CONNECTORS",
        f"services/sandbox/app.py: import create_app of headrace.sandbox.{name}.app, add it to SANDBOXES",
        f"docker-compose.yml: services sandbox-{system.service} and {system.service}, with their volumes",
        "services/compose/headrace.yaml: a connection; services/compose/prometheus.yml: a target",
        f"tests/contract/cases/{name}/: cases for each mapping, as data",
        "pyproject.toml: an extra, if the connector needs a client library",
    ]


def _problems(name: str, root: Path) -> Iterator[str]:
    if not _FORM.fullmatch(name) or len(name) > _LONGEST:
        form = f"lower-case words joined by underscores, at most {_LONGEST} characters, such as dynamics_gp"
        yield f"NAME={name!r}: a system's name is {form}"
        return
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        yield f"NAME={name}: a word of Python cannot be the name of a package"
    for home in _HOMES:
        if (root / home / name).exists():
            yield f"NAME={name}: {home}/{name} exists; choose another name or remove it"


def main(name: Annotated[str, typer.Argument(help="Lower-case words joined by underscores.")]) -> None:
    """Write the skeleton of a new system and tell what is left to do by hand."""
    root = project_root()
    try:
        files = new_system(name, root)
    except ConfigurationError as error:
        for problem in error.problems:
            _err.print(problem)
        raise typer.Exit(1) from None
    for file in files:
        typer.echo(file.relative_to(root))
    _err.print("\nBy hand:")
    for edit in remaining_edits(name):
        _err.print(f"  - {edit}")
    _err.print(f"\nThen make tests/contract/{name} green: pytest tests/contract/{name}")


if __name__ == "__main__":
    typer.run(main)
