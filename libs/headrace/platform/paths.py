"""Where the project's data files are: contracts under `schemas/`, mappings under `services/`."""

from __future__ import annotations

import os
from pathlib import Path

from headrace.core.errors import ConfigurationError

_MARK = Path("schemas", "canonical")


def project_root() -> Path:
    """Return the folder that holds `schemas/` and `services/`.

    That is `$HEADRACE_ROOT` if set, else the nearest folder at or above the current one that has `schemas/canonical`,
    else the nearest such folder above this file (a source checkout).

    Raises:
        ConfigurationError: there is no such folder; the text says how to name one.
    """
    named = os.environ.get("HEADRACE_ROOT")
    if named:
        root = Path(named).expanduser().resolve()
        if not (root / _MARK).is_dir():
            raise ConfigurationError(f"HEADRACE_ROOT: {root} has no folder {_MARK}; name the project's root folder")
        return root
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / _MARK).is_dir():
                return folder
    raise ConfigurationError(
        f"no folder with {_MARK} at or above {Path.cwd()}; run inside the project or set HEADRACE_ROOT to its root"
    )


def schemas_dir() -> Path:
    """Return the folder of the Avro contracts. Raises ConfigurationError as `project_root` does."""
    return project_root() / "schemas"


def services_dir() -> Path:
    """Return the folder of the deployables and their mappings.

    Raises:
        ConfigurationError: the project's root has no such folder.
    """
    folder = project_root() / "services"
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: not found; the project's root folder must have it, see HEADRACE_ROOT")
    return folder
