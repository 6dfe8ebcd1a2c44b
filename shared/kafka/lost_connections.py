"""Makes aiokafka see a connection that uvloop has closed, before it writes to it.

When a peer resets a connection, uvloop closes the transport a turn of its loop before aiokafka hears of it. To write
then raises RuntimeError, where asyncio's own transport stays silent; aiokafka expects an OSError at most, and the task
that wrote (a consumer's fetches, its heartbeats, its client's metadata) ends for ever while the process goes on:
https://github.com/aio-libs/aiokafka/issues/1038
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason

_send = AIOKafkaConnection.send


def notice_lost_connections() -> None:
    """From now on, for every Kafka client of this process: a request on a lost connection raises KafkaError."""
    AIOKafkaConnection.send = _send_if_open


def _send_if_open(connection: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Awaitable[Any]:
    writer = connection._writer
    if writer is not None and writer.is_closing():
        connection.close(reason=CloseReason.CONNECTION_BROKEN)  # now `send` finds none, and says so
    answer: Awaitable[Any] = _send(connection, request, expect_response)
    return answer
