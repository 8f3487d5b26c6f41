"""Ingest worker: deliveries to canonical events, and the pollers.

`python -m services.ingest.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.avidxchange import CONNECTOR as AVIDXCHANGE
from headrace.connectors.dynamics_fo import CONNECTOR as DYNAMICS_FO
from headrace.connectors.pipedrive import CONNECTOR as PIPEDRIVE
from headrace.pipeline.service import ingest, main

SOURCES = (AVIDXCHANGE, DYNAMICS_FO, PIPEDRIVE)

if __name__ == "__main__":
    main("ingest-worker", ingest, SOURCES, sys.argv[1:])
