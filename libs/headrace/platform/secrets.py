"""Secrets whose value may change while a process runs (I10).

A setting names a secret by reference: `${NAME}` is read once, at start. `${file:/run/secrets/x}` is looked at whenever
the secret is used, which costs one `stat`: Kubernetes exchanges a mounted secret by pointing the link `..data` at
another folder, so a file that changed is another inode. `${credential:NAME}` is what the credential store holds now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import core_schema

from headrace.core.errors import StopConnection

Lookup = Callable[[str], str]
"""Gives the value of a stored credential; raises StopConnection if there is none, or none that can be read."""

CONTEXT = "stored credentials"
"""Key of the `Lookup` in pydantic's validation context."""


class FileText:
    """The text of a file as it is now, without the white space around it.

    What cannot be read just now, or is empty because somebody is writing it, leaves the last text in force.

    Args:
        path: the file; links are followed anew each time.

    Raises:
        OSError: it cannot be read to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._signature()
        self._text = path.read_text(encoding="utf-8").strip()

    def __str__(self) -> str:
        try:
            signature = self._signature()
            if signature != self._seen:
                text = self._path.read_text(encoding="utf-8").strip()
                if text:
                    self._seen, self._text = signature, text
        except (OSError, UnicodeDecodeError):
            pass
        return self._text

    def __repr__(self) -> str:
        return f"FileText({str(self._path)!r})"

    def _signature(self) -> tuple[int, ...]:
        found = self._path.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


@dataclass(frozen=True, slots=True)
class StoredName:
    """`${credential:NAME}`."""

    name: str

    def __str__(self) -> str:
        return f"${{credential:{self.name}}}"


Part = str | FileText | StoredName


class Reference(str):
    """The text of a setting that names files or stored credentials.

    As text it says what the files hold at start, and credentials as they are written; a field of type `Secret` follows.
    """

    parts: tuple[Part, ...]

    def __new__(cls, parts: Sequence[Part]) -> Reference:
        """Return the reference that these parts make, one after the other."""
        made = super().__new__(cls, "".join(map(str, parts)))
        made.parts = tuple(parts)
        return made

    def __repr__(self) -> str:
        return f"Reference({', '.join('…' if isinstance(part, str) else repr(part) for part in self.parts)})"


class Secret(SecretStr):
    """A secret of a configuration model. Ask `get_secret_value` at each use and keep no copy: the value may change.

    Args:
        secret_value: the text, or a reference that is followed.
        lookup: gives stored credentials.
    """

    def __init__(self, secret_value: str, lookup: Lookup | None = None) -> None:
        super().__init__(str(secret_value))
        self._parts: tuple[Part, ...] = secret_value.parts if isinstance(secret_value, Reference) else ()
        self._lookup = lookup

    def get_secret_value(self) -> str:
        """Return the value as it is now.

        Raises:
            StopConnection: a stored credential is not there, or cannot be decrypted.
        """
        if not self._parts:
            return self._secret_value
        return "".join(self._stored(part.name) if isinstance(part, StoredName) else str(part) for part in self._parts)

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def _stored(self, name: str) -> str:
        if self._lookup is None:
            raise StopConnection(
                f"credential {name} is in a store that this process has not opened",
                "Set credentials.keys or credentials.key_files.",
            )
        return self._lookup(name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Take a text, a reference or a secret; show stars in JSON."""
        return core_schema.with_info_plain_validator_function(
            cls._checked,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value, info: str(value) if info.mode == "json" else value, info_arg=True
            ),
        )

    @classmethod
    def _checked(cls, value: Any, info: core_schema.ValidationInfo) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, SecretStr):
            return cls(value.get_secret_value())
        if not isinstance(value, str):
            raise ValueError("a text is needed; put it between quotation marks")
        made = cls(value, (info.context or {}).get(CONTEXT))
        try:
            made.get_secret_value()
        except StopConnection as stop:
            raise ValueError(str(stop)) from None
        return made
