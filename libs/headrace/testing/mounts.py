"""A folder of secrets as Kubernetes mounts it: names link into `..data`, which links to the folder of one version.

Source: Kubernetes, "Secrets: using Secrets as files from a Pod"; the order of steps is that of its atomic writer.
"""

from __future__ import annotations

from pathlib import Path


class Mount:
    """One mounted secret.

    Args:
        folder: where it is mounted.
        values: file name to text.
    """

    def __init__(self, folder: Path, **values: str) -> None:
        self.folder = folder
        self._version = 0
        self.exchange(**values)
        for name in values:
            (folder / name).symlink_to(Path("..data", name))

    def exchange(self, **values: str) -> None:
        """Publish another version in one step, and remove the one before."""
        self._version += 1
        new = self.folder / f"..2026_11_21_{self._version}"
        new.mkdir(parents=True)
        for name, text in values.items():
            (new / name).write_text(text, encoding="utf-8")
        data = self.folder / "..data"
        before = data.resolve() if data.exists() else None
        (self.folder / "..data_tmp").symlink_to(new.name)
        (self.folder / "..data_tmp").replace(data)
        if before is not None:
            for path in [*before.iterdir()]:
                path.unlink()
            before.rmdir()
