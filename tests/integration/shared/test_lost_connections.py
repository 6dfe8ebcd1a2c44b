"""A connection that Kafka resets is a lost one under uvloop too, in each turn of its loop till aiokafka hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import uvloop
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from shared.kafka.broker import make_broker
from tests.fixtures.deployment import Deployment

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close() sends RST


class Forwarder:
    """Stands before Kafka, and resets what it has taken."""

    def __init__(self, bootstrap: str) -> None:
        self._host, _, self._port = bootstrap.partition(":")
        self._writers: list[asyncio.StreamWriter] = []
        self._pipes: list[asyncio.Task[None]] = []

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._take, "127.0.0.1", 0)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self._host, int(self._port))
        self._writers += [writer, forth]
        self._pipes += [asyncio.create_task(_copy(*ends)) for ends in ((reader, forth), (back, writer))]

    async def reset(self) -> None:
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
    writer.close()


async def ask_until_refused(bootstrap: str) -> list[BaseException]:
    """What the requests on a connection met that was reset: the first is written in the turn in which it is lost."""
    forwarder = Forwarder(bootstrap)
    server = await forwarder.serve()
    port = server.sockets[0].getsockname()[1]
    connection = await create_conn("127.0.0.1", port)
    assert (await connection.send(MetadataRequest([]))).brokers
    transport = connection._writer.transport
    await forwarder.reset()
    while not transport.is_closing():  # noqa: ASYNC110 - every turn of the loop counts
        await asyncio.sleep(0)
    met: list[BaseException] = []
    for _ in range(5):
        try:
            asyncio.ensure_future(connection.send(MetadataRequest([]))).cancel()
        except Exception as error:
            met.append(error)
        await asyncio.sleep(0)
    server.close()
    return met


async def test_a_request_on_a_connection_that_was_reset_is_a_kafka_error(deployment: Deployment) -> None:
    make_broker(deployment.shared, "test")
    met = await asyncio.to_thread(uvloop.run, ask_until_refused(deployment.shared.kafka_bootstrap))
    assert met
    assert {type(error) for error in met} == {KafkaConnectionError}
