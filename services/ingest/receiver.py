"""Ingest receiver: webhooks of every source connection, durable before the answer.

`python -m services.ingest.receiver [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.avidxchange import CONNECTOR as AVIDXCHANGE
from headrace.connectors.dynamics_fo import CONNECTOR as DYNAMICS_FO
from headrace.connectors.pipedrive import CONNECTOR as PIPEDRIVE
from headrace.pipeline.service import main, receive

SOURCES = (AVIDXCHANGE, DYNAMICS_FO, PIPEDRIVE)

if __name__ == "__main__":
    main("ingest-receiver", receive, SOURCES, sys.argv[1:])
