"""What the driver tells of its commands and connections, as metrics. It calls these in threads of its own."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import Histogram
from pymongo import monitoring

from shared.telemetry import metrics

COMMANDS = frozenset(
    {"find", "aggregate", "getMore", "insert", "update", "delete", "findAndModify", "count", "distinct"}
)


class Commands(monitoring.CommandListener):
    """Measures each command that has ended."""

    def __init__(self, client: str) -> None:
        self._client = client

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """What it costs is known at its end."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        _seconds(self._client, event.command_name).observe(event.duration_micros / 1e6)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        _seconds(self._client, event.command_name).observe(event.duration_micros / 1e6)
        metrics.count(metrics.MONGO_FAILED, client=self._client, command=_family(event.command_name))


class Connections(monitoring.ConnectionPoolListener):
    """Counts the connections that there are, those in use, and the waits for one that ended without."""

    def __init__(self, client: str) -> None:
        self._open = metrics.MONGO_CONNECTIONS.labels(client, "open")
        self._in_use = metrics.MONGO_CONNECTIONS.labels(client, "in_use")
        self._refused = metrics.MONGO_POOL_FULL.labels(client)

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        self._open.inc()

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        self._open.dec()

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._in_use.inc()

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:
        self._in_use.dec()

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        self._refused.inc()

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None: ...

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None: ...

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None: ...

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None: ...

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None: ...

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None: ...


@lru_cache(maxsize=1024)
def _seconds(client: str, command: str) -> Histogram:
    """Remembered, as looking it up takes longer than observing."""
    return metrics.MONGO_SECONDS.labels(client, _family(command))


def _family(command: str) -> str:
    return command if command in COMMANDS else "other"
