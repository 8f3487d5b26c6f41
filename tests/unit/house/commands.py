"""Whether a `headrace …` command line parses, found out without running it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import mock

from typer.main import get_command

from headrace.cli.main import app


def problem_of(
    arguments: str | Sequence[str], environment: Mapping[str, str] | None = None, *, names_only: bool = False
) -> str:
    """Return why the arguments after `headrace` do not parse, "" if they do.

    Args:
        arguments: words, or one line as a shell would split it.
        environment: variables that options may take their values from.
        names_only: the words of a text, which may leave out what a command needs.
    """
    words = shlex.split(arguments, comments=True) if isinstance(arguments, str) else list(arguments)
    command: Any = get_command(app)
    path = "headrace"
    while hasattr(command, "commands"):
        if not words or words == ["--help"]:
            return ""
        if words[0] not in command.commands:
            return f"{path} has no command {words[0]}; it has {', '.join(command.commands)}"
        path = f"{path} {words[0]}"
        command = command.commands[words.pop(0)]
    with mock.patch.dict(os.environ, dict(environment or {})):
        try:
            command.make_context(path, words)
        except Exception as error:  # whatever the parsing library raises is the answer
            fine = ("Exit", "MissingParameter") if names_only else ("Exit",)
            return "" if type(error).__name__ in fine else f"{path}: {getattr(error, 'message', '') or error!r}"
    return ""
