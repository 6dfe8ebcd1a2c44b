"""Fixtures of every test, and how examples are made for them."""

import gc

import hypothesis
import structlog

from tests.fixtures.deployment import deployment
from tests.fixtures.servers import servers

__all__ = ["deployment", "servers"]


# A busy machine is slow at making examples too, and no test is about time. The short form has the same examples in
# every run, so that what it says of a commit is the same everywhere; `make verify` hunts with new ones, and more.
SLOW_IS_FINE = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("shared", derandomize=True, deadline=None, suppress_health_check=SLOW_IS_FINE)
hypothesis.settings.register_profile(
    "hunt", max_examples=1_000, deadline=None, suppress_health_check=SLOW_IS_FINE, print_blob=True
)
hypothesis.settings.load_profile("shared")

# as structlog has them by default, but for tracebacks that are drawn: each took some tenths of a second
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for cycles again and again took a quarter of making a service."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
