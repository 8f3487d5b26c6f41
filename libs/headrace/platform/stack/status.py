"""What a look at a stack tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Health = Literal["ready", "not answering", "paused", "stopped"]


@dataclass(frozen=True)
class ProcessStatus:
    """One process of the stack.

    Attributes:
        name: `kafka-1` … or `registry`.
        health: `stopped` also when the remembered process id belongs to another program by now.
        port: where it listens, or listened.
        pid: its process id while it runs.
        memory: resident bytes while it runs.
        detail: why it does not answer.
    """

    name: str
    health: Health
    port: int
    pid: int | None = None
    memory: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class StackStatus:
    """The whole stack of one data folder.

    Attributes:
        data_dir: the folder.
        processes: every process; empty when the folder was never used.
        bootstrap: for Kafka clients.
        registry_url: for registry clients.
        versions: of Kafka, registry and Java at the last start.
    """

    data_dir: Path
    processes: tuple[ProcessStatus, ...] = ()
    bootstrap: str = ""
    registry_url: str = ""
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def ready(self) -> bool:
        """Whether everything runs and answers."""
        return bool(self.processes) and all(item.health == "ready" for item in self.processes)

    @property
    def stopped(self) -> bool:
        """Whether nothing runs."""
        return all(item.health == "stopped" for item in self.processes)
