"""Ingest receiver: webhooks of every source connection, durable before the answer.

`python -m services.ingest.receiver [connection]`
"""

from __future__ import annotations

import sys

from headrace.cli.systems import CONNECTORS
from headrace.pipeline.service import main, receive

if __name__ == "__main__":
    main("ingest-receiver", receive, CONNECTORS, sys.argv[1:])
