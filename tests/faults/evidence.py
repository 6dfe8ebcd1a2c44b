"""What is known of a load when it is over, taken through the public routes, the sink and the webhook receiver."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from services.ingest.projection.fold import ENDED
from tests.faults.load import Accepted

TRACES_AT_ONCE = 8
ALL = 1_000_000
WEBHOOK_TYPES = [
    f"email.{name}" for name in ("accepted", "sent", "delivered", "deferred", "bounced", "suppressed", "failed")
]


@dataclass(frozen=True)
class Evidence:
    """`answered` by message id; `statuses` of all messages of the workspace; `traces` of the answered ones; `copies` at
    the sink by recipient; `webhooks` as (message id, sequence of the event) with the number of posts that came;
    `differing` says by message id where the read model is not what the topics make from nothing; `cut` which
    conversations, as (message id, pass), were cut between their mark and their record: all that may be ambiguous."""

    answered: dict[str, Accepted]
    statuses: dict[str, str]
    traces: dict[str, list[dict[str, Any]]]
    copies: Counter[str]
    webhooks: Counter[tuple[str, int]]
    differing: dict[str, str] = field(default_factory=dict)
    cut: Collection[tuple[str, int]] | None = None


class Witness:
    """Looks at one workspace from outside. `hook` is the name of its endpoint at the receiver, a URL."""

    def __init__(self, http: aiohttp.ClientSession, sink: aiohttp.ClientSession, receiver: str, hook: str) -> None:
        self.http = http
        self._sink = sink
        self._receiver = receiver
        self.hook = hook
        self.endpoint_id = ""

    async def subscribe(self) -> str:
        """Adds the endpoint, for every type that the load can lead to; its id."""
        body = {"url": f"{self._receiver}/hooks/{self.hook}", "events": WEBHOOK_TYPES}
        async with self.http.post("/v1/webhooks", json=body) as reply:
            assert reply.status == 201, await reply.text()
            self.endpoint_id = str((await reply.json())["id"])
            return self.endpoint_id

    async def statuses(self) -> dict[str, str]:
        """The status of every message of the workspace."""
        found: dict[str, str] = {}
        cursor: str | None = None
        while True:
            query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
            async with self.http.get("/v1/emails", params=query) as reply:
                assert reply.status == 200, await reply.text()
                page = await reply.json()
            found |= {one["uuid"]: one["status"] for one in page["data"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def living(self, answered: dict[str, Accepted]) -> list[str]:
        """The ids of the answered messages that are not in a terminal state."""
        statuses = await self.statuses()
        return [id_ for id_ in answered if statuses.get(id_) not in ENDED]

    async def copies(self, answered: dict[str, Accepted], what: str = "deliveries") -> Counter[str]:
        """How often the sink took the message of each of these recipients; with `attempts`, heard of them (RCPT)."""
        async with self._sink.get("/counts") as reply:
            counted = (await reply.json())[what]
        return Counter({one.recipient: counted.get(one.recipient, 0) for one in answered.values()})

    async def webhooks(self) -> Counter[tuple[str, int]]:
        url = f"{self._receiver}/received"
        async with aiohttp.request("GET", url, params={"name": self.hook, "limit": ALL}) as reply:
            data = [one["json"]["data"] for one in await reply.json()]
        return Counter((each["message_id"], each["sequence"]) for each in data)

    async def evidence(self, answered: dict[str, Accepted]) -> Evidence:
        """Everything, as it is now."""
        traces: dict[str, list[dict[str, Any]]] = {}
        waiting = iter(answered)

        async def read() -> None:
            for message_id in waiting:
                async with self.http.get(f"/v1/emails/{message_id}/trace") as reply:
                    traces[message_id] = (await reply.json())["data"] if reply.status == 200 else []

        async with asyncio.TaskGroup() as readers:
            for _ in range(TRACES_AT_ONCE):
                readers.create_task(read())
        statuses, copies, webhooks = await self.statuses(), await self.copies(answered), await self.webhooks()
        return Evidence(answered, statuses, traces, copies, webhooks)
