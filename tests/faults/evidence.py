"""What is known of a load when it is over, taken through the public routes, the sink and the webhook receiver."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from services.ingest.fold import ENDED
from tests.faults.load import Accepted

TRACES_AT_ONCE = 8
ALL = 1_000_000
WEBHOOK_TYPES = [
    f"email.{name}" for name in ("accepted", "sent", "delivered", "deferred", "bounced", "suppressed", "failed")
]


@dataclass(frozen=True)
class Evidence:
    """`answered` by message id; `statuses` of all messages of the workspace; `traces` of the answered ones; `copies` at
    the sink by recipient; `webhooks` as (message id, sequence of the event) with the number of posts that came."""

    answered: dict[str, Accepted]
    statuses: dict[str, str]
    traces: dict[str, list[dict[str, Any]]]
    copies: Counter[str]
    webhooks: Counter[tuple[str, int]]


class Witness:
    """Looks at one workspace from outside. `hook` is the name of its endpoint at the receiver."""

    def __init__(self, http: httpx.AsyncClient, sink: httpx.AsyncClient, receiver: httpx.AsyncClient, hook: str):
        self._http = http
        self._sink = sink
        self._receiver = receiver
        self._hook = hook

    async def subscribe(self) -> None:
        """Adds the endpoint, for every type that the load can lead to."""
        url = str(self._receiver.base_url.join(f"/hooks/{self._hook}"))
        reply = await self._http.post("/v1/webhooks", json={"url": url, "events": WEBHOOK_TYPES})
        assert reply.status_code == 201, reply.text

    async def statuses(self) -> dict[str, str]:
        """The status of every message of the workspace."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            reply = await self._http.get("/v1/emails", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
            assert reply.status_code == 200, reply.text
            page = reply.json()
            found |= {one["uuid"]: one["status"] for one in page["data"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def living(self, answered: dict[str, Accepted]) -> list[str]:
        """The ids of the answered messages that are not in a terminal state."""
        statuses = await self.statuses()
        return [id_ for id_ in answered if statuses.get(id_) not in ENDED]

    async def copies(self, answered: dict[str, Accepted]) -> Counter[str]:
        """How often the sink took the message of each of these recipients."""
        counted = (await self._sink.get("/counts")).json()["deliveries"]
        return Counter({one.recipient: counted.get(one.recipient, 0) for one in answered.values()})

    async def webhooks(self) -> Counter[tuple[str, int]]:
        reply = await self._receiver.get("/received", params={"name": self._hook, "limit": ALL})
        data = [one["json"]["data"] for one in reply.json()]
        return Counter((each["message_id"], each["sequence"]) for each in data)

    async def evidence(self, answered: dict[str, Accepted]) -> Evidence:
        """Everything, as it is now."""
        traces: dict[str, list[dict[str, Any]]] = {}
        waiting = iter(answered)

        async def read() -> None:
            for message_id in waiting:
                reply = await self._http.get(f"/v1/emails/{message_id}/trace")
                traces[message_id] = reply.json()["data"] if reply.status_code == 200 else []

        async with asyncio.TaskGroup() as readers:
            for _ in range(TRACES_AT_ONCE):
                readers.create_task(read())
        statuses, copies, webhooks = await self.statuses(), await self.copies(answered), await self.webhooks()
        return Evidence(answered, statuses, traces, copies, webhooks)
