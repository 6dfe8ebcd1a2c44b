"""The hosts of a table of behaviours, and a test in the router's place between the attempts of their messages."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.contracts.messages import Host, Message, Route
from shared.contracts.topics import EVENTS
from shared.secrets import SecretBox
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import ScriptedServer, closed_port
from tests.integration.sender.behaviours import Peer, Row
from tests.integration.sender.world import World

ADDRESS = "127.0.0.1"


@dataclass
class Place:
    """A row's hosts and messages."""

    row: Row
    servers: list[ScriptedServer | None]
    route: Route
    messages: list[Message] = field(default_factory=list)

    @property
    def sessions(self) -> tuple[int, ...]:
        return tuple(0 if server is None else len(server.sessions) for server in self.servers)

    @property
    def taken(self) -> int:
        """How many messages the hosts have heard to their end, the empty ones of refused recipients left out."""
        sessions = [session for server in self.servers if server is not None for session in server.sessions]
        return sum(data.endswith(b"\r\n.\r\n") for session in sessions for data in session.data)


@asynccontextmanager
async def places(
    world: World, rows: Sequence[Row], certificates: Mapping[str, ssl.SSLContext]
) -> AsyncIterator[list[Place]]:
    """Opens every host of every row, and makes the messages and transports that they need."""
    await transports(world)
    async with AsyncExitStack() as stack:
        found = []
        for number, row in enumerate(rows):
            servers: list[ScriptedServer | None] = []
            ports: list[int] = []
            for peer in row.peers:
                if peer.closed:
                    servers.append(None)
                    ports.append(stack.enter_context(closed_port()))
                    continue
                server = await stack.enter_async_context(_server(peer, certificates))
                servers.append(server)
                ports.append(server.port)
            transport = "relay" if row.relayed else "single" if row.messages > 1 else "direct"
            route = world.route(
                transport=transport,
                kind="smarthost" if row.relayed else "direct",
                tls=row.tls,
                rollup=f"d:row{number}.test",
                hosts=[Host(name=ADDRESS, port=port) for port in ports],
            )
            found.append(Place(row, servers, route))
        for place in found:
            place.messages = await _messages(world, place)
        yield found


async def transports(world: World) -> None:
    """One that allows a single connection, and a smart host with credentials that go out in clear."""
    await world.know(Kind.TRANSPORT, "single", {"name": "single", "kind": "direct", "max_connections": 1})
    password = SecretBox(world.deployment.shared.encryption_key_bytes).seal(b"secret", "transport:relay")
    relay = {"name": "relay", "kind": "smarthost", "username": "shop", "password": password}
    await world.know(Kind.TRANSPORT, "relay", relay)


async def first_attempts(world: World, places: Sequence[Place]) -> None:
    await world.clear(*(message for place in places for message in place.messages))
    await settled(world, places, 0)


async def next_attempts(world: World, places: Sequence[Place], pass_: int) -> None:
    """Lets the retries of these come due, routes them as before, and waits for what they come to."""
    routes = {message.message_id: place.route for place in places for message in place.messages}
    deliveries = world.deployment.database("sender")["deliveries"]
    await deliveries.update_many({"_id": {"$in": list(routes)}}, {"$set": {"due_at": datetime.now(UTC)}})

    async def released() -> list[Message] | None:
        back = [each for each in await world.returned(at_least=len(routes)) if each.pass_ == pass_]
        return back if {each.message_id for each in back} >= routes.keys() else None

    back = await eventually(released, seconds=40, what=f"the releases at pass {pass_}") or []
    verdict = places[0].messages[0].verdict
    await world.clear(*(each.with_changes(route=routes[each.message_id], verdict=verdict) for each in back))
    await settled(world, places, pass_)


async def settled(world: World, places: Sequence[Place], pass_: int) -> None:
    """Waits until every message has ended, or is deferred, at this pass, and its event is published."""
    ids = [message.message_id for place in places for message in place.messages]
    condition = {
        "_id": {"$in": ids},
        "pass": pass_,
        "state": {"$in": ["deferred", "ended"]},
        "unpublished": {"$exists": False},
    }
    deliveries = world.deployment.database("sender")["deliveries"]

    async def missing() -> bool:
        return await deliveries.count_documents(condition) == len(ids)

    await eventually(missing, seconds=60, what=f"the outcomes of pass {pass_}")


async def events_by_message(world: World) -> dict[str, list[Event]]:
    """What was said of each message, in order; `sending` and `queued` left out."""
    found: dict[str, dict[str, Event]] = defaultdict(dict)
    for record in await world.deployment.records(EVENTS, 1):
        event = Event.decode(record.value)
        if event.type not in ("sending", "queued"):
            found[event.message_id][event.event_id] = event
    return {id_: sorted(events.values(), key=lambda each: each.sequence) for id_, events in found.items()}


def _server(peer: Peer, certificates: Mapping[str, ssl.SSLContext]) -> ScriptedServer:
    tls = certificates[peer.certificate] if peer.certificate else None
    return ScriptedServer(*peer.scripts, extensions=peer.extensions, tls=tls, buffer=peer.buffer)


async def _messages(world: World, place: Place) -> list[Message]:
    row, domain = place.row, place.route.rollup.removeprefix("d:")
    changes: dict[str, Any] = {"route": place.route, "on_ambiguous": row.on_ambiguous}
    if row.megabytes:
        line = "x" * 70 + "\n"
        changes["content_id"] = await world.content(text=line * (row.megabytes * 2**20 // len(line)))
        changes["size"] = row.megabytes * 2**20
    return await asyncio.gather(
        *(world.message(f"{row.local_part}+{number}@{domain}", **changes) for number in range(row.messages))
    )
