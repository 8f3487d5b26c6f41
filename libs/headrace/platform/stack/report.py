"""What the stack tells while it works; the command line draws it, code that uses the Python API may ignore it."""

from __future__ import annotations


class Report:
    """Receives progress and throws it away; a front end overrides what it wants to show.

    Calls may come from several threads at once.
    """

    def step(self, text: str) -> None:
        """The stack now does, or waits for, what `text` says."""

    def download_started(self, files: int, size: int) -> None:
        """`files` files of `size` bytes together will be fetched."""

    def downloaded(self, size: int) -> None:
        """`size` more bytes have arrived; negative when a broken download begins again."""

    def download_finished(self) -> None:
        """All files are here and verified, or the download was given up."""

    def warn(self, text: str) -> None:
        """Something went on, but not as it should; an operator wants to read `text`."""
