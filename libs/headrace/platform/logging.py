"""Logs: one JSON object a line on standard error. Normal work logs nothing; metrics and audit tell it."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(service: str, level: str = "INFO") -> None:
    """Send every log line of this process, ours and libraries', through one JSON formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _named(service),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell every request or rebalance at INFO; request addresses may carry keys (I10).
    for noisy in ("httpx", "httpcore", "aiokafka", "faust", "mode", "msal", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # One line for each partition that is briefly without a leader; the producer repeats by itself.
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)


def _named(service: str) -> structlog.typing.Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return add
