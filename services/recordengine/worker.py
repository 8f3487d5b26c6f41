"""The RecordEngine processor: canonical events to RecordEngine, exactly once in effect.

`python -m services.recordengine.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.recordengine import CONNECTOR
from headrace.pipeline.service import main, process_targets

if __name__ == "__main__":
    main("recordengine", process_targets, (CONNECTOR,), sys.argv[1:])
