"""The role `projector`: its consumers, each lane's acceptances by themselves."""

from __future__ import annotations

from services.ingest.handlers import Projection
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, WEBHOOK_EVENTS, Lane, accepted
from shared.contracts.webhooks import WebhookAttempt
from shared.kafka.batch import BatchConsumer, Fetching
from shared.kafka.stuck import stuck_event
from shared.service import Base

EVENTS_GROUP = "ingest.projector.events"
WEBHOOKS_GROUP = "ingest.projector.webhooks"


def accepted_group(lane: Lane) -> str:
    return f"ingest.projector.{lane}"


def attach_projector(base: Base, settings: Settings) -> None:
    """Attaches the consumers that keep the read model."""
    projection = Projection(Messages(base.database))
    for lane in Lane:
        base.kafka.attach(_accepted_consumer(lane, projection, base, settings))
    base.kafka.attach(
        BatchConsumer(
            EVENTS_GROUP,
            {EVENTS: Event},
            projection.events,
            settings=settings,
            publisher=base.publisher,
            tracing=base.tracing,
            fetching=Fetching.for_lane(settings, critical=False),
        )
    )
    base.kafka.attach(
        BatchConsumer(
            WEBHOOKS_GROUP,
            {WEBHOOK_EVENTS: WebhookAttempt},
            projection.webhooks,
            settings=settings,
            publisher=base.publisher,
            tracing=base.tracing,
            fetching=Fetching.for_lane(settings, critical=False),
        )
    )


def _accepted_consumer(lane: Lane, projection: Projection, base: Base, settings: Settings) -> BatchConsumer[Message]:
    return BatchConsumer(
        accepted_group(lane),
        {accepted(lane): Message},
        projection.accepted,
        settings=settings,
        publisher=base.publisher,
        tracing=base.tracing,
        fetching=Fetching.for_lane(settings, critical=lane is Lane.CRITICAL),
        on_dead=stuck_event,
    )
