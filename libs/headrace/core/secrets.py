"""What a connection may ask of the deployment's credential store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored secret: its value, never shown, and its revision, which counts the values that its name has had."""

    value: str = field(repr=False)
    revision: int


class Secrets(Protocol):
    """The credential store, shared by all processes of a deployment."""

    def stored(self, name: str) -> Stored | None:
        """Return what is stored under a name now, None if nothing is.

        Raises:
            StopConnection: it cannot be decrypted.
        """

    async def replace(
        self, name: str, revision: int, make: Callable[[str], Awaitable[str | None]], *, wait: bool = True
    ) -> Stored | None:
        """Replace one revision of a secret, in one process of the deployment at a time.

        Args:
            name: under which it is stored.
            revision: which revision is to be replaced. If another one is there by now, that is the answer.
            make: gives the new value from the old one, once; None says that the old one is not accepted any more.
                It is given up when the lease of the claim is about to end.
            wait: for another process that is replacing it; False raises RetryLater at once.

        Returns:
            What is stored now, durably; None if this revision is not accepted any more and nobody has replaced it.

        Raises:
            RetryLater: not now. StopConnection: there is no such secret. And what `make` raises.
        """
