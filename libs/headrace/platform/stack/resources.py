"""Refuse to start on a machine that cannot carry the stack, with numbers instead of a crash later."""

from __future__ import annotations

import shutil
from pathlib import Path

from headrace.platform.stack.errors import LowResources
from headrace.platform.stack.fetch import require

MEMORY_NEEDED = 1_500_000_000
MEMORY_PER_FURTHER_NODE = 500_000_000
DISK_NEEDED = 1_000_000_000


def check_resources(data_dir: Path, nodes: int) -> None:
    """Look at free memory and at the disk of the data folder.

    Raises:
        LowResources: too little of either; nothing was started.
    """
    problems = []
    needed = MEMORY_NEEDED + (nodes - 1) * MEMORY_PER_FURTHER_NODE
    available = require("psutil").virtual_memory().available
    if available < needed:
        problems.append(
            f"{available / 1e9:.1f} GB of memory available, {nodes} broker(s) and the registry need "
            f"{needed / 1e9:.1f} GB; close other programs"
        )
    free = shutil.disk_usage(data_dir).free
    if free < DISK_NEEDED:
        problems.append(
            f"{free / 1e9:.1f} GB of disk free at {data_dir}, {DISK_NEEDED / 1e9:.1f} GB needed; "
            "free some, or use another data folder"
        )
    if problems:
        raise LowResources("\n".join(problems))
