"""Kafka in: messages accepted or due again, each given its route or the verdict that stops it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from services.router.dns import MxCache
from services.router.health import Health
from services.router.mx import Destination, destination_of, pending
from services.router.rules import choose, decide
from services.router.settings import Settings
from services.router.static_mx import StaticMx
from services.router.store.configurations import Configurations
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted, routed
from shared.kafka.batch import Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.telemetry import metrics, names
from shared.telemetry.tracing import trace_headers


class RecordRefusedError(Exception):
    """With its route the record is larger than a record may be."""


class Destinations:
    """Where domains' mail goes: the static map first, then the MX cache."""

    def __init__(self, cache: MxCache, settings: Settings) -> None:
        self._cache = cache
        self._static = StaticMx(settings.static_mx, settings.mx_port)
        self._port = settings.mx_port
        self._patience = settings.dns_wait_ms / 1000
        self._rng = random.Random()

    async def of(self, domains: Collection[str]) -> dict[str, Destination]:
        """Each domain's destination; what is not known within the patience stands for itself."""
        found = {domain: known for domain in domains if (known := self._static.find(domain))}
        answers = await self._cache.look_up([domain for domain in domains if domain not in found], self._patience)
        found |= {domain: destination_of(mx, self._port, self._rng) for domain, mx in answers.items()}
        return {domain: found.get(domain) or pending(domain) for domain in domains}


class Routing:
    """Routes one lane's batches. `health` gives what is known of it now; what a rule holds is looked at again after
    `look_again`."""

    def __init__(
        self,
        lane: Lane,
        configurations: Configurations,
        destinations: Destinations,
        health: Callable[[], Health],
        publisher: Publisher,
        look_again: timedelta,
    ) -> None:
        self._lane = lane
        self._configurations = configurations
        self._destinations = destinations
        self._health = health
        self._publisher = publisher
        self._look_again = look_again

    async def handle(self, batch: list[Incoming[Message]]) -> None:
        known = await self._configurations.of([incoming.record for incoming in batch])
        health, now = self._health(), datetime.now(UTC)
        choices = [choose(each.record, known[each.record.workspace_id], health, now) for each in batch]
        destinations = await self._destinations.of({choice.domain for choice in choices if choice.domain})
        now = datetime.now(UTC)
        decided = [
            (
                incoming,
                decide(
                    incoming.record,
                    choice,
                    known[incoming.record.workspace_id],
                    destinations[choice.domain] if choice.domain else None,
                    health,
                    now,
                    published=incoming.published_at if incoming.topic == accepted(self._lane) else None,
                    look_again=self._look_again,
                ),
            )
            for incoming, choice in zip(batch, choices, strict=True)
        ]
        await self._pass_on(decided)
        self._tell(decided, now)

    async def _pass_on(self, decided: list[tuple[Incoming[Message], Message]]) -> None:
        refused = await self._publisher.publish(
            [
                Outgoing(routed(message.lane), message.message_id, message.encode(), trace_headers(incoming.trace))
                for incoming, message in decided
            ]
        )
        if refused:
            raise RecordRefusedError(f"{len(refused)} record(s) of {len(decided)}")

    def _tell(self, decided: list[tuple[Incoming[Message], Message]], now: datetime) -> None:
        metrics.STAGE_PROCESSED.labels("routed", self._lane).inc(len(decided))
        for decision, number in Counter(_decision(message) for _, message in decided).items():
            metrics.count(metrics.DECISIONS, number, decision=decision)
        for incoming, message in decided:
            began = message.seen.released or message.seen.accepted
            seconds = (now - began).total_seconds()
            metrics.observe(metrics.STAGE_SECONDS, seconds, incoming.trace, stage="routed", lane=self._lane)
            if incoming.span is None:
                continue
            if message.route is not None:
                incoming.span.set_attribute(names.MAIL_TRANSPORT, message.route.transport)
                incoming.span.set_attribute(names.MAIL_ROLLUP, message.route.rollup)
                incoming.span.set_attribute(names.MAIL_RULE, message.route.rule)
            if message.verdict is not None:
                incoming.span.set_attribute(names.MAIL_VERDICT, message.verdict.kind)
                incoming.span.set_attribute(names.MAIL_VERDICT_REASON, message.verdict.reason or "")


def _decision(message: Message) -> str:
    """In a word: the kind of the transport taken, else the verdict."""
    if message.verdict is not None:
        return str(message.verdict.kind)
    return message.route.kind if message.route is not None else "none"
