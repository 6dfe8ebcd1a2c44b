"""JSON logs with message and trace ids; no subject, body or key is ever passed to them, and no address gets through:
a path, or the text of an error of MongoDB's or of a client library, may hold one."""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any

import structlog

CLIENTS = ("aiokafka", "httpx", "uvicorn.access", "faststream", "aiosmtplib", "pymongo")
SELDOM_SECONDS = 10.0
ADDRESS = re.compile(r"[^\s<>\"'(),;:\[\]{}\\/=]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.IGNORECASE)
SHOWN = "(address)"


class Seldom(logging.Filter):
    """Lets each thing that a client library says through once in a while: with Kafka away aiokafka tries, and says
    so, hundreds of times a second."""

    def __init__(self, seconds: float = SELDOM_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != "aiokafka":
            return True
        what, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._said.get(what, -self._seconds) < self._seconds:
            return False
        self._said[what] = now
        return True


def without_addresses(logger: Any, method: str, event: Any) -> Any:
    """A processor of structlog's: what looks like a mail address is not logged."""
    return {name: _without_addresses(value) for name, value in event.items()}


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return ADDRESS.sub(SHOWN, value) if "@" in value or "%40" in value else value
    if isinstance(value, list | tuple):
        return [_without_addresses(each) for each in value]
    return value


def setup_logging(service: str, level: str = "INFO") -> None:
    """Sends structlog's and the standard library's logs to stderr as one JSON object a line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", key="timestamp"),
        structlog.processors.format_exc_info,
        without_addresses,
        _service_adder(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Seldom())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in CLIENTS:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _service_adder(service: str) -> structlog.typing.Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        event["event"] = event.pop("event", "")
        return event

    return add
