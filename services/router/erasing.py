"""What the router does about erasures: it keeps nothing of anybody, and routes nobody who was erased."""

from __future__ import annotations

from shared.contracts.messages import Message
from shared.contracts.topics import Lane, routed
from shared.erasing import Counts, Note, without_the_erased
from shared.erasure import is_erased
from shared.kafka.batch import Handler, Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.erasures import Erasure, KnownErasures
from shared.telemetry.tracing import trace_headers


async def nothing_kept(erasure: Erasure, note: Note) -> Counts:
    """Rules, transports and health name mail hosts and domains of senders, and no person."""
    return {}


def passing_the_erased(
    known: KnownErasures, lane: Lane, publisher: Publisher, handler: Handler[Message]
) -> Handler[Message]:
    """A handler that hands mail of who was erased on as it is, without the address: whoever owns it ends it."""

    async def handle(batch: list[Incoming[Message]]) -> None:
        erased = [one for one in batch if is_erased(one.record.recipient)]
        await publisher.publish(
            [
                Outgoing(routed(lane), one.record.message_id, one.record.encode(), trace_headers(one.trace))
                for one in erased
            ]
        )
        if others := [one for one in batch if not is_erased(one.record.recipient)]:
            await handler(others)

    return without_the_erased(known, handle)
