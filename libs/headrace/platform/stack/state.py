"""`stack.json`: what a stack remembers between runs, so that a restart keeps ports and finds its processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.platform.stack.errors import StackError
from headrace.platform.stack.report import Report

STATE_FILE = "stack.json"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Node(_Record):
    """One broker, which is also a controller of the KRaft quorum."""

    number: int = Field(ge=1)
    port: int = Field(ge=1, le=65535)
    controller_port: int = Field(ge=1, le=65535)

    @property
    def name(self) -> str:
        """The name of the node's process, of its log and of its data folder."""
        return f"kafka-{self.number}"


class ProcessRecord(_Record):
    """A process that this stack started; the start time tells it from a later one with the same id."""

    pid: int
    started: float = Field(description="Unix time at which the process began, as the operating system tells it.")


class StackState(_Record):
    """The content of `stack.json`."""

    format: Literal[1] = 1
    cluster_id: str
    nodes: list[Node]
    registry_port: int = Field(ge=1, le=65535)
    versions: dict[str, str] = Field(default_factory=dict, description="Of Kafka, registry, Java when last started.")
    processes: dict[str, ProcessRecord] = Field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        """What a Kafka client connects to first: `host:port`, separated by commas."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def registry_url(self) -> str:
        """Base address of the registry's Confluent-compatible API."""
        return f"http://127.0.0.1:{self.registry_port}/apis/ccompat/v7"


def load_state(data_dir: Path) -> StackState | None:
    """Return what the data folder remembers, None when it was never used.

    Raises:
        StackError: the file cannot be read or understood; nothing is started, because ports and identity are unknown.
    """
    path = data_dir / STATE_FILE
    try:
        return StackState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StackError(f"{path}: {error.strerror}; check the permissions of the folder") from None
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise StackError(
            f"{path}: {'.'.join(map(str, problem['loc'])) or 'content'}: {problem['msg']}; the file is damaged or from "
            f"another version of headrace: use another data folder, or delete {data_dir} with all topics and schemas"
        ) from None


def save_state(data_dir: Path, state: StackState) -> None:
    """Write `stack.json` in one step: a reader sees the old or the new content, never half of it."""
    path = data_dir / STATE_FILE
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(state.model_dump_json(indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


@contextmanager
def locked(data_dir: Path, report: Report) -> Iterator[None]:
    """Hold the data folder alone, so that two commands never start or stop the same stack at once."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "stack.lock").open("w") as handle:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            report.step(f"waiting for another command that works on {data_dir}")
            flock(handle, LOCK_EX)
        try:
            yield
        finally:
            flock(handle, LOCK_UN)
