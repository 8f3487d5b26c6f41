"""Processes of a deployment on this machine, for the demo and the tests: started, waited for, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from headrace.core.errors import HeadraceError
from headrace.platform.stack.ports import choose_port

_INTERRUPTIBLE = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Becomes the command that follows, with SIGINT as on a terminal: what a shell's background job starts ignores it
(POSIX, Shell Command Language, §2.11), and a process that `interrupt` does not reach would go on as if nothing was."""


class ProcessFailed(HeadraceError):
    """A process ended or did not get ready; the text holds the end of its log."""


def free_port() -> int:
    """Return a port that nothing listens on now; until a server does, no outgoing connection is given it either."""
    return choose_port()


class LocalProcess:
    """One Python module run as a process of its own, with its output in a file.

    Args:
        name: for messages and the log file.
        module: run with `python -m`.
        arguments: its command line.
        environment: added to this process's environment.
        logs: folder of log files; a folder `pids` beside it tells which process groups to stop later.
        ready_url: answers 200 once the process works.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        logs: Path,
        ready_url: str,
    ) -> None:
        self.name = name
        self.module = module
        self.ready_url = ready_url
        self.log = logs / f"{name}.log"
        self._pid_file = logs.parent / "pids" / f"{name}.pid"
        command = [sys.executable, "-m", module, *arguments]
        self._command = [sys.executable, "-I", "-S", "-c", _INTERRUPTIBLE, *command]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended, None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, **extra: str) -> None:
        """Start it; `extra` are environment variables for this start only, such as HEADRACE_CRASH_AT."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment, **extra},
                start_new_session=True,
            )
        self._pid_file.parent.mkdir(exist_ok=True)
        self._pid_file.write_text(str(self._process.pid))

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until it says that it is ready.

        Raises:
            ProcessFailed: it ended, or the time is up.
        """
        deadline = time.monotonic() + seconds
        with httpx.Client(trust_env=False, timeout=2.0) as client:
            while time.monotonic() < deadline:
                if not self.running:
                    raise ProcessFailed(f"{self.name} ended with {self.returncode}:\n{self.tail()}")
                try:
                    if client.get(self.ready_url).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
        raise ProcessFailed(f"{self.name} is not ready after {seconds:g} s:\n{self.tail()}")

    def wait_ended(self, seconds: float = 60.0) -> int:
        """Wait until it has ended and return how. Raises ProcessFailed if it does not."""
        if self._process is None:
            raise ProcessFailed(f"{self.name} was never started")
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"{self.name} still runs after {seconds:g} s:\n{self.tail()}") from None

    def kill(self) -> None:
        """Kill it with SIGKILL, as a crash would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def interrupt(self) -> None:
        """Send it SIGINT, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    def pause(self) -> None:
        """Stop it with SIGSTOP, as a frozen machine would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def terminate(self, seconds: float = 30.0) -> int:
        """Ask it to stop, wait, and return how it ended; kill it if it does not stop in time."""
        self._signal(signal.SIGTERM)
        try:
            return self.wait_ended(seconds)
        except ProcessFailed:
            self.kill()
            return -signal.SIGKILL

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _signal(self, number: signal.Signals) -> None:
        if self.running and self._process is not None:
            os.killpg(self._process.pid, number)
