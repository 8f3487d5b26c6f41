"""The F&O processor: canonical events to Finance and Operations, exactly once in effect.

`python -m services.dynamics_fo.worker [connection]`
"""

from __future__ import annotations

import sys

from headrace.connectors.dynamics_fo import CONNECTOR
from headrace.pipeline.service import main, process_targets

if __name__ == "__main__":
    main("dynamics-fo", process_targets, (CONNECTOR,), sys.argv[1:])
