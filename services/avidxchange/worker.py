"""The AvidXchange processor: canonical events to AvidXchange, exactly once in effect.

`python -m services.avidxchange.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.avidxchange import CONNECTOR
from headrace.pipeline.service import main, process_targets

if __name__ == "__main__":
    main("avidxchange", process_targets, (CONNECTOR,), sys.argv[1:])
