"""The stages of the pipeline that consume, each as something that can be filled and whose effects can be counted."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from deploy.local.stack import Stack
from services.ingest.projection.projector import EVENTS_CONSUMER, accepted_consumer
from shared.contracts.topics import EVENTS, Lane, accepted, cleared, routed
from shared.kafka.lag import Reader
from shared.kafka.publish import Outgoing, Publisher
from tests.bench.accepted import Accepted, mail_hosts
from tests.bench.cleared import Cleared
from tests.bench.hooked import Hooked
from tests.bench.month_of_mail import life
from tests.bench.pacing import turns
from tests.bench.sinks import running_sink
from tests.bench.suppressing import Suppressing
from tests.fixtures.settings import settings_of

PORT = 22990
CONNECTIONS = 100
ENTRIES = 10_000
ENDPOINTS = 100
PUBLISH_SECONDS = 60


class Stage(Protocol):
    def fill(self, messages: int, rate: float | None = None) -> None:
        """Puts so many messages before the stage, at once or so many a second."""

    def left(self) -> int:
        """0 once all of them have had their effect."""


@dataclass(frozen=True)
class StageOf:
    """The part of a stack that does it, its consumer groups by the topics that they read, what fills it, and messages a
    second of which four processes at once leave two cores room."""

    part: str
    readers: tuple[Reader, ...]
    opened: Callable[[Stack], AbstractContextManager[Stage]]
    rate: int
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Filled:
    fill: Callable[..., None]
    left: Callable[[], int]


@contextmanager
def routing(stack: Stack) -> Iterator[Stage]:
    mail = Accepted(stack.env)
    mail.configure()
    yield Filled(mail.fill, lambda: 0)


@contextmanager
def checking(stack: Stack) -> Iterator[Stage]:
    list_ = Suppressing(stack.env, stack.env["POSTHORN_PUBLIC_URL"])
    list_.configure()
    yield Filled(lambda messages, rate=None: list_.route(messages, ENTRIES, rate), lambda: 0)


@contextmanager
def delivering(stack: Stack) -> Iterator[Stage]:
    mail = Cleared(stack.env, PORT)
    mail.configure()
    mail.allow(CONNECTIONS)
    with running_sink(PORT, 0):
        yield Filled(mail.fill, mail.unfinished)


@contextmanager
def posting(stack: Stack) -> Iterator[Stage]:
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.hook_server", str(PORT)])
    try:
        hooked = Hooked(stack.env, f"http://127.0.0.1:{PORT}")
        of = hooked.configure([f"/{number}" for number in range(ENDPOINTS)], rate=1000)
        yield Filled(lambda messages, rate=None: hooked.publish(of, messages, rate), hooked.unfinished)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def projecting(stack: Stack) -> Iterator[Stage]:
    yield Filled(lambda messages, rate=None: asyncio.run(publish_lives(stack, messages, rate)), lambda: 0)


async def publish_lives(stack: Stack, messages: int, rate: float | None) -> None:
    """Whole lives onto the topics that the read model is folded from, two records and more for each message."""
    publisher, until = Publisher(settings_of(stack.env), "bench", PUBLISH_SECONDS), datetime.now(UTC)
    async for numbers in turns(messages, rate):
        lives = [life(number, messages, until, "w1") for number in numbers]
        records = [Outgoing(accepted(one.message.lane), one.message.message_id, one.message.encode()) for one in lives]
        records += [Outgoing(EVENTS, each.message_id, each.encode()) for one in lives for each in one.events[1:]]
        await publisher.publish(records)
    await publisher.close()


MAIL_HOSTS = {domain: [f"{host.split()[1].rstrip('.')}:25"] for domain, host in mail_hosts()}
STANDARD = Lane.STANDARD
STAGES: Mapping[str, StageOf] = {
    "router": StageOf(
        "router", (Reader("router.route.standard", accepted(STANDARD)),), routing, 400,
        {"POSTHORN_STATIC_MX": json.dumps(MAIL_HOSTS)},
    ),
    "suppression": StageOf("suppression", (Reader("suppression.check.standard", routed(STANDARD)),), checking, 400),
    "sender": StageOf("sender", (Reader("sender.deliver.standard", cleared(STANDARD)),), delivering, 60),
    "webhooks": StageOf(
        "webhooks", (Reader("webhooks.events", EVENTS),), posting, 150, {"POSTHORN_ALLOW_PRIVATE_TARGETS": "true"}
    ),
    "projector": StageOf(
        "ingest",
        (Reader(f"ingest.{EVENTS_CONSUMER}", EVENTS),
         *(Reader(f"ingest.{accepted_consumer(lane)}", accepted(lane)) for lane in Lane)),
        projecting,
        150,
    ),
}  # fmt: skip
