"""A load that is the same for the same seed: requests over REST, each repeated under its key until it is answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiohttp

# How often each behaviour of the sink is asked for (deploy/local/sink_behaviours.py), of a hundred recipients.
MIXED = {
    "ok": 76, "greylist": 4, "defer-once": 6, "permfail": 4, "slow": 4, "drop-in-data": 3, "drop-after-dot": 1,
    "drop-after-dot-once": 2,
}  # fmt: skip
# What loses no reply after a final dot by itself; a small body's dot may have left when drop-in-data closes.
CERTAIN = {kind: share for kind, share in MIXED.items() if not kind.startswith("drop-")}
# The same with messages that the sender writes in several blocks; the sink takes them as any other.
LARGE = "large"
CERTAIN_AND_LARGE = {**CERTAIN, LARGE: 8}
LARGE_TEXT = f"{'.' * 72}\n" * 2200
STREAMS = ("authentication", "product")
BCC_SHARE = 0.1
REPEAT_SECONDS = 0.1
AGAIN = {409, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Wanted:
    """One request: one or two recipients, whose local parts say what the sink does to them."""

    key: str
    recipients: tuple[str, ...]
    stream: str

    @property
    def is_large(self) -> bool:
        return any(kind_of(recipient) == LARGE for recipient in self.recipients)


@dataclass(frozen=True)
class Accepted:
    """A message that was answered with 202."""

    message_id: str
    recipient: str

    @property
    def kind(self) -> str:
        """The sink's behaviour for its recipient."""
        return kind_of(self.recipient)


@dataclass(frozen=True)
class Refusal:
    """A try that was not answered with 202: sent at `sent` (monotonic), over after `seconds`; without a status where no
    reply came at all."""

    sent: float
    seconds: float
    status: int | None = None
    retry_after: str | None = None


class Load:
    """Sends what `seed` plans. `answered` are the messages of all answered requests, by id; after each of the
    `refusals` the request was sent again."""

    def __init__(
        self, http: aiohttp.ClientSession, sender: str, seed: str, mix: dict[str, int] = MIXED, at_once: int = 16
    ) -> None:
        self.answered: dict[str, Accepted] = {}
        self.refusals: list[Refusal] = []
        self._http = http
        self._sender = sender
        self._at_once = at_once
        self._plan = plan(seed, mix)

    @property
    def repeats(self) -> int:
        """How many requests were sent again."""
        return len(self.refusals)

    async def send(self, messages: int) -> None:
        """Sends the next requests of the plan until they make so many messages, and returns when all are answered."""
        wanted: list[Wanted] = []
        while (left := messages - sum(len(one.recipients) for one in wanted)) > 0:
            one = next(self._plan)
            wanted.append(one if len(one.recipients) <= left else Wanted(one.key, one.recipients[:1], one.stream))
        waiting = iter(wanted)
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._at_once):
                workers.create_task(self._work(waiting))

    async def _work(self, waiting: Iterator[Wanted]) -> None:
        for wanted in waiting:
            for accepted in await self._until_answered(wanted):
                self.answered[accepted.message_id] = accepted

    async def _until_answered(self, wanted: Wanted) -> list[Accepted]:
        to, *bcc = wanted.recipients
        body = {
            "from": self._sender, "to": [to], "bcc": bcc, "stream": wanted.stream, "subject": "Your code",
            "text": f"{wanted.key}\n{LARGE_TEXT if wanted.is_large else ''}",
        }  # fmt: skip
        while True:
            sent, status, retry_after = time.monotonic(), None, None
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._http.post("/v1/emails", json=body, headers={"Idempotency-Key": wanted.key}) as reply:
                    if reply.status == 202:
                        data = (await reply.json())["data"]
                        return [Accepted(one["uuid"], one["recipient"]) for one in data["messages"]]
                    assert reply.status in AGAIN, f"{wanted}: {reply.status} {await reply.text()}"
                    status, retry_after = reply.status, reply.headers.get("Retry-After")
            self.refusals.append(Refusal(sent, time.monotonic() - sent, status, retry_after))
            await asyncio.sleep(REPEAT_SECONDS)


def kind_of(recipient: str) -> str:
    """Of which kind of a mix a recipient is."""
    return recipient.partition("+")[0]


def plan(seed: str, mix: dict[str, int]) -> Iterator[Wanted]:
    """Requests without end, the same for the same seed; no two have a recipient or a key in common."""
    rng = random.Random(seed)
    kinds: Sequence[str] = list(mix)
    number = 0
    while True:
        recipients = []
        for kind in rng.choices(kinds, list(mix.values()), k=2 if rng.random() < BCC_SHARE else 1):
            number += 1
            recipients.append(f"{kind}+{seed}-{number}@sink.test")
        yield Wanted(f"{seed}-{number}", tuple(recipients), rng.choice(STREAMS))
