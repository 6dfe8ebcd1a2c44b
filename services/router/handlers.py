"""Kafka in: messages accepted or due again, each given its route or the verdict that stops it."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import UTC, datetime

from services.router.dns import MxCache
from services.router.mx import Destination, destination_of, pending
from services.router.rules import choose, decide
from services.router.settings import Settings
from services.router.static_mx import StaticMx
from services.router.store import Configurations
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted, routed
from shared.kafka.batch import Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.telemetry import metrics
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
    """Routes one lane's batches."""

    def __init__(
        self, lane: Lane, configurations: Configurations, destinations: Destinations, publisher: Publisher
    ) -> None:
        self._lane = lane
        self._configurations = configurations
        self._destinations = destinations
        self._publisher = publisher

    async def handle(self, batch: list[Incoming[Message]]) -> None:
        messages = [incoming.record for incoming in batch]
        known = await self._configurations.of(messages)
        now = datetime.now(UTC)
        choices = [choose(message, known[message.workspace_id], now) for message in messages]
        destinations = await self._destinations.of({choice.domain for choice in choices if choice.domain})
        now = datetime.now(UTC)
        decided = []
        for incoming, choice in zip(batch, choices, strict=True):
            destination = destinations.get(choice.domain) if choice.domain else None
            configuration = known[incoming.record.workspace_id]
            published = incoming.published_at if incoming.topic == accepted(self._lane) else None
            decided.append((incoming, decide(incoming.record, choice, configuration, destination, now, published)))
        await self._pass_on(decided)
        self._tell(decided, now)

    async def _pass_on(self, decided: list[tuple[Incoming[Message], Message]]) -> None:
        refused = await self._publisher.publish(
            [
                Outgoing(routed(self._lane), message.message_id, message.encode(), trace_headers(incoming.trace))
                for incoming, message in decided
            ]
        )
        if refused:
            raise RecordRefusedError(f"{len(refused)} record(s) of {len(decided)}")

    def _tell(self, decided: list[tuple[Incoming[Message], Message]], now: datetime) -> None:
        metrics.STAGE_PROCESSED.labels("routed", self._lane).inc(len(decided))
        for incoming, message in decided:
            began = message.seen.released or message.seen.accepted
            seconds = (now - began).total_seconds()
            metrics.observe(metrics.STAGE_SECONDS, seconds, incoming.trace, stage="routed", lane=self._lane)
            if incoming.span is None:
                continue
            if message.route is not None:
                incoming.span.set_attribute("posthorn.transport", message.route.transport)
                incoming.span.set_attribute("posthorn.rollup", message.route.rollup)
            if message.verdict is not None:
                incoming.span.set_attribute("posthorn.verdict", message.verdict.kind)
                incoming.span.set_attribute("posthorn.verdict.reason", message.verdict.reason or "")
