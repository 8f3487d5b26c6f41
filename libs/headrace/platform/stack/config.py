"""What the local stack is told: where its data lies, which ports, how many brokers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from headrace.platform.settings import Strict

_ROOT_MARKS = ("headrace.yaml", "pyproject.toml", ".headrace", ".git")


def _surrounding_folder() -> Path:
    """Return `$HEADRACE_ROOT`, else the nearest folder upwards that looks like a project, else the current folder.

    Unlike `platform.paths.project_root` it needs no checkout: a stack can be had beside any configuration file.
    """
    if root := os.environ.get("HEADRACE_ROOT"):
        return Path(root).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
    return here


def default_data_dir() -> Path:
    """Return the data folder used when none is named: `.headrace/stack` below the project root."""
    return _surrounding_folder() / ".headrace" / "stack"


def cache_dir() -> Path:
    """Return where downloads are kept for all projects of this user.

    `$HEADRACE_CACHE`, else `$XDG_CACHE_HOME/headrace`, else `~/.cache/headrace` (XDG Base Directory Specification).
    """
    if own := os.environ.get("HEADRACE_CACHE"):
        return Path(own).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "headrace"


class StackConfig(Strict):
    """How one local stack is made. A stack is known by its data folder: two folders are two stacks."""

    data_dir: Path = Field(default_factory=default_data_dir, description="Topics, schemas, logs and `stack.json`.")
    kafka_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of the first broker; None keeps the remembered one, 0 picks a free one anew.",
    )
    registry_port: int | None = Field(None, ge=0, le=65535, description="As `kafka_port`, for the registry.")
    nodes: Literal[1, 3] | None = Field(
        None, description="Brokers, fixed when the data folder is first used; None keeps that number, at first 1."
    )
    kafka_heap_mb: int = Field(512, ge=256, description="Java heap of each broker, MiB.")
    registry_heap_mb: int = Field(384, ge=128, description="Java heap of the registry, MiB.")
    jvm_options: tuple[str, ...] = Field(
        ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        description="Java flags of every process; these start fastest. A benchmark of the broker wants ().",
    )
    start_timeout: float = Field(60.0, gt=0, description="Seconds until every process must answer.")
    stop_timeout: float = Field(30.0, gt=0, description="Seconds a process may take to stop before it is killed.")
    cache_dir: Path = Field(default_factory=cache_dir, description="Downloads, shared by all stacks of the user.")
