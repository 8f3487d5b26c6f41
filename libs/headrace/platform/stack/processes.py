"""Start, recognise, pause and end processes that outlive the command which started them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from headrace.platform.stack.fetch import require
from headrace.platform.stack.state import ProcessRecord

_START_TOLERANCE = 2.0  # seconds; the start time that a system tells moves a little when its clock is set
# A clean environment: Quarkus and the JVM read variables as configuration, and a stray one would change the stack.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def spawn(command: Sequence[str], log: Path) -> ProcessRecord:
    """Start a detached process whose output goes to `log`; the log of the run before is kept beside it as `.1`.

    Args:
        command: the program, by its full path, and its arguments.
        log: where standard output and error go.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # Its own session: an interrupt at the terminal, or its end, does not reach the process.
    pid = os.posix_spawn(command[0], list(command), environment, file_actions=actions, setsid=True)
    psutil = require("psutil")
    return ProcessRecord(pid=pid, started=psutil.Process(pid).create_time())


def find(record: ProcessRecord | None, marker: str) -> Any | None:
    """Return the `psutil.Process` of the record, None when it ended, even if its id now belongs to another program.

    Args:
        record: what was written down at the start; None finds nothing.
        marker: an argument that only this process carries.
    """
    if record is None:
        return None
    psutil = require("psutil")
    try:
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            process.wait(timeout=0)  # a child of ours that ended: its exit is taken note of, the id becomes free
            return None
        arguments = process.cmdline()  # empty for the moment in which a process replaces its program
        same = abs(process.create_time() - record.started) <= _START_TOLERANCE and marker in (arguments or [marker])
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.TimeoutExpired):
        return None
    return process if same else None


def ask_to_stop(process: Any) -> None:
    """Send SIGTERM; a paused process is woken, because it would not see the signal."""
    with suppress(require("psutil").NoSuchProcess):
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)


def stand_still(process: Any, seconds: float) -> bool:
    """Freeze the process (SIGSTOP) and wait until it stands still: each of its threads stops on its own."""
    process.suspend()
    deadline = time.monotonic() + seconds
    while process.status() != "stopped":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def wait_gone(process: Any, seconds: float) -> bool:
    """Wait until the process has ended; False when it still runs after `seconds`."""
    psutil = require("psutil")
    try:
        process.wait(timeout=seconds)
    except psutil.TimeoutExpired:
        return False
    except psutil.NoSuchProcess:
        pass
    return True


def kill(process: Any) -> None:
    """End the process at once with SIGKILL and wait until it is gone."""
    with suppress(require("psutil").NoSuchProcess):
        process.kill()
        process.wait()


def holder_of(port: int) -> str:
    """Say which process listens on the port, as " by <name> (process <id>)"; empty where the system does not tell."""
    psutil = require("psutil")
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log, for an error text."""
    try:
        content = log.read_bytes()[-20_000:].decode("utf-8", "replace").splitlines()
    except OSError:
        return "(no log was written)"
    return "\n".join(content[-lines:]) or "(the log is empty)"
