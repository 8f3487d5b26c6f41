"""The Pipedrive processor: canonical events to Pipedrive, exactly once in effect.

`python -m services.pipedrive.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.pipedrive import CONNECTOR
from headrace.pipeline.service import main, process_targets

if __name__ == "__main__":
    main("pipedrive", process_targets, (CONNECTOR,), sys.argv[1:])
