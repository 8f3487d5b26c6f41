"""A service under cProfile, which starts when all is imported: `python -m tests.bench.profiled <file>`."""

from __future__ import annotations

import cProfile
import sys

from headrace.pipeline.service import main, receive
from services.ingest.receiver import SOURCES

if __name__ == "__main__":
    profile = cProfile.Profile()
    profile.enable()
    try:
        main("ingest-receiver", receive, SOURCES, [])
    finally:
        profile.disable()
        profile.dump_stats(sys.argv[1])
