"""Contents of documents: on disk under their SHA-256, so that a ledger row tells which bytes came."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

_PART = 65_536


class Kept(NamedTuple):
    """A file that is on disk."""

    sha256: str
    size: int


class Files:
    """Files of one instance; the same content is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Return where a file lies."""
        return self._folder / sha256[:2] / sha256

    def keep(self, content: BinaryIO) -> Kept:
        """Write a file to disk part by part and return its hash and size."""
        self._folder.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as out:
            while part := content.read(_PART):
                digest.update(part)
                size += len(part)
                out.write(part)
        kept = Kept(digest.hexdigest(), size)
        place = self.path(kept.sha256)
        place.parent.mkdir(exist_ok=True)
        Path(out.name).replace(place)
        return kept

    def keep_bytes(self, content: bytes) -> Kept:
        """Write to disk what a person or a mail brought."""
        return self.keep(io.BytesIO(content))

    def clear(self) -> None:
        """Remove all files."""
        shutil.rmtree(self._folder, ignore_errors=True)
