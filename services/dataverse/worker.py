"""The Dataverse processor: canonical events to Dataverse, exactly once in effect.

`python -m services.dataverse.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.dataverse import CONNECTOR
from headrace.pipeline.service import main, process_targets

if __name__ == "__main__":
    main("dataverse", process_targets, (CONNECTOR,), sys.argv[1:])
