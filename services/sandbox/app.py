"""A sandbox: a local stand-in for one vendor's cloud.

`python -m services.sandbox.app dynamics_fo --port 8100 --tls-port 8143 --data .headrace/sandbox/dynamics_fo`
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette

from headrace.sandbox.avidxchange.app import create_app as avidxchange
from headrace.sandbox.common.serve import serve
from headrace.sandbox.dynamics_fo.app import create_app as dynamics_fo
from headrace.sandbox.pipedrive.app import create_app as pipedrive
from headrace.sandbox.recordengine.app import create_app as recordengine

SANDBOXES: dict[str, Callable[[Path], Starlette]] = {
    "avidxchange": avidxchange,
    "dynamics_fo": dynamics_fo,
    "pipedrive": pipedrive,
    "recordengine": recordengine,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve one sandbox.")
    parser.add_argument("system", choices=sorted(SANDBOXES))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-port", type=int)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(SANDBOXES[given.system](given.data), given.host, given.port, given.tls_port, given.data))
