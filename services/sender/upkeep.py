"""What the sender does by the clock: releases what is due, recovers lapsed leases, says what takes long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from opentelemetry.trace import SpanKind
from pymongo import UpdateOne

from services.sender.arrivals import Held
from services.sender.dispatch import Dispatcher
from services.sender.endings import Endings
from services.sender.rules import NEW_TRACE_AFTER, released, report, settle_outcome
from services.sender.settings import Settings
from services.sender.smtp.outcomes import Ambiguous, Stage
from services.sender.store.claims import BATCH, Claims
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.releases import Releases
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import LastAttempt, Message, Reroute
from shared.contracts.topics import Lane, due
from shared.failpoints import reach
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo import outbox
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics
from shared.telemetry.failures import trace_failure
from shared.telemetry.tracing import Tracing, trace_headers, traceparent_of

LONG_ATTEMPT = 5.0
LOST = Ambiguous(stage=Stage.DOT, text="the sender stopped after the final dot and before the reply was recorded")


class Upkeep:
    """The sender's background work, each method one turn of a loop; a true return asks for another turn at once."""

    def __init__(
        self,
        settings: Settings,
        deliveries: Deliveries,
        claims: Claims,
        releases: Releases,
        destinations: Destinations,
        endings: Endings,
        dispatcher: Dispatcher,
        publisher: Publisher,
        tracing: Tracing,
        clock: DatabaseClock,
    ) -> None:
        self._settings = settings
        self._deliveries = deliveries
        self._claims = claims
        self._releases = releases
        self._destinations = destinations
        self._endings = endings
        self._dispatcher = dispatcher
        self._publisher = publisher
        self._tracing = tracing
        self._clock = clock
        self._schedule = settings.schedule
        self._rng = Random()

    async def release(self, lane: Lane) -> int:
        """Sends what is due back towards the router, at most a bound at once."""
        bound = self._settings.released_bound
        room = min(bound - await self._releases.outstanding(str(lane), bound), BATCH)
        if room <= 0:
            return 0
        documents = await self._releases.take(str(lane), room, await self._clock.current())
        reach("sender.released", len(documents))
        await self._publisher.publish([self._released(document) for document in documents])
        return len(documents)

    async def recover(self) -> int:
        """Takes over what a stopped process left: unsent work waits again, what may have been sent is ambiguous."""
        unsent = await self._claims.recover_unsent()
        found = [Held.of(document) for document in await self._claims.lapsed()]
        lapsed = [held for held in found if not self._dispatcher.knows_end_of(held)]
        now = datetime.now(UTC)
        settled = [
            settle_outcome(
                held.message,
                LOST,
                now,
                attempt=held.attempt + 1,
                ambiguous=held.ambiguous,
                schedule=self._schedule,
                rng=self._rng,
            )
            for held in lapsed
        ]
        recorded = await asyncio.gather(
            *(
                self._endings.record(held, each, trace_failure(self._tracing, held.message, LOST.type, held.trace))
                for held, each in zip(lapsed, settled, strict=True)
            )
        )
        # another process may have been first
        metrics.LEASES_RECOVERED.labels("deliveries").inc(unsent + sum(recorded))
        metrics.AMBIGUOUS.labels("recovered").inc(sum(recorded))
        return len(lapsed) >= BATCH

    async def say_sending(self) -> None:
        """Says of attempts that take long that they are under way."""
        long = self._dispatcher.begun_before(time.monotonic() - LONG_ATTEMPT)
        now = datetime.now(UTC)
        said = [
            (held, event_of(held.message, EventType.SENDING, now, report(held.message), attempt=held.attempt + 1))
            for held in long
        ]
        await self._say([(held.id, {"lease.token": held.token}, event, held.trace) for held, event in said])
        for held in long:
            held.told = True

    async def say_queued(self) -> int:
        """Says of deliveries that have waited long why they do."""
        now = await self._clock.current()
        documents = await self._deliveries.long_waiting(now, BATCH)
        found = await self._destinations.find({each["destination"] for each in documents})
        reasons = {destination: grant.standing.waits_for(now) for destination, grant in found.items()}
        said = []
        for document in documents:
            message = Message.decode(document["record"])
            why, until = reasons.get(document["destination"]) or ("waiting for a free connection", None)
            data = {"reason": why, "since": document["arrived_at"].isoformat()}
            if until is not None:
                data["next_at"] = until.isoformat()
            event = event_of(message, EventType.QUEUED, now, data | report(message))
            condition = {"state": "waiting", "pass": document["pass"]}
            said.append((document["_id"], condition, event, document.get("trace")))
        await self._say(said)
        return len(documents) >= BATCH

    async def expire(self) -> int:
        """Has what waited beyond its expiry checked anew, which ends it: its destination may be left alone for long."""
        return await self._deliveries.flag_expired(await self._clock.current())

    async def measure(self) -> None:
        """Sets the gauges of what waits."""
        for lane in Lane:
            count, oldest = await self._deliveries.age_of_waiting(str(lane))
            age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0
            metrics.WAITING.labels("sender", str(lane)).set(count)
            metrics.OLDEST_AGE.labels("sender", str(lane)).set(age)

    async def _say(self, said: Sequence[tuple[str, Mapping[str, Any], Event, str | None]]) -> None:
        """Writes and publishes events (id, condition, event, trace) of deliveries that go on as they were.

        Nothing is said of those whose condition does not hold any more: their outcome was faster.
        """
        if not said:
            return
        documents: list[dict[str, Any]] = [
            {"_id": id_, "last_event": event.encode(), "unpublished": outbox.unpublished(), "trace": trace}
            for id_, _, event, trace in said
        ]
        told = {"tell_at": ""}
        updates = [
            UpdateOne(
                {"_id": id_, **condition},
                {"$set": {name: document[name] for name in ("last_event", "unpublished")}, "$unset": told},
            )
            for (id_, condition, _, _), document in zip(said, documents, strict=True)
        ]
        if await self._deliveries.write(updates) < len(updates):
            written = await self._deliveries.said({each["unpublished"]["token"]: each["_id"] for each in documents})
            documents = [each for each in documents if each["unpublished"]["token"] in written]
        await self._endings.publish(documents)

    def _released(self, document: Mapping[str, Any]) -> Outgoing:
        now = datetime.now(UTC)
        message = Message.decode(document["record"])
        last = LastAttempt.model_validate(document["last"]) if document.get("last") else message.last
        trace = document.get("trace")
        before = [each for each in dict.fromkeys((message.trace, trace)) if each]
        if before and now - message.due_at > NEW_TRACE_AFTER:
            # a trace of days is of no use: a late retry has one of its own, linked to the request's and the last one
            span = self._tracing.start("retry", None, SpanKind.PRODUCER, links=before)
            trace = traceparent_of(span)
            span.end()
        wish = Reroute.model_validate(document["reroute"]) if document.get("reroute") else None
        again = released(message, document["pass"], document["attempt"], last, now, wish)
        return Outgoing(due(message.lane), message.message_id, again.encode(), trace_headers(trace))
