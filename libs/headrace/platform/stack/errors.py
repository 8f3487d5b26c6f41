"""What can go wrong with the local stack; each text names what was found, where, and the remedy."""

from __future__ import annotations

from pathlib import Path

from headrace.core.errors import HeadraceError


class StackError(HeadraceError):
    """The local stack cannot do what was asked; the text tells the operator the remedy. Callers stop and show it."""


class MissingExtra(StackError):
    """The optional packages of the stack are not installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"the local stack needs the Python package {module}; "
            'install it with: pip install "headrace[stack]" (or: uv sync --extra stack)'
        )


class ArtifactUnavailable(StackError):
    """A locked artifact could not be downloaded; the network or the repository is at fault, a later try may succeed."""


class ArtifactMismatch(StackError):
    """A downloaded artifact is not the locked one; it was thrown away. Never retried by itself: someone must look."""


class PortTaken(StackError):
    """A port that the stack was told to use, or remembers, is in use by another program."""

    def __init__(self, name: str, port: int, holder: str, option: str) -> None:
        self.port = port
        super().__init__(
            f"port {port} for {name} is in use{holder}; stop that program, or choose another port with "
            f"{option} N ({option} 0 picks a free one and remembers it)"
        )


class LowResources(StackError):
    """The machine has too little memory or disk left to start the stack."""


class ProcessDied(StackError):
    """A process of the stack ended while starting; the text carries the end of its log."""

    def __init__(self, name: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} ended while starting; the end of {log}:\n{tail}")


class NotReady(StackError):
    """A process of the stack runs but did not answer in time; the text carries the end of its log."""

    def __init__(self, name: str, seconds: float, last: str, log: Path, tail: str) -> None:
        super().__init__(
            f"{name} did not answer within {seconds:g} s (last: {last}); "
            f"give it longer with start_timeout, or read {log}, which ends with:\n{tail}"
        )
