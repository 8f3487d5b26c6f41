"""Ingest worker: deliveries to canonical events, and the pollers.

`python -m services.ingest.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.cli.systems import CONNECTORS
from headrace.pipeline.service import ingest, main

if __name__ == "__main__":
    main("ingest-worker", ingest, CONNECTORS, sys.argv[1:])
