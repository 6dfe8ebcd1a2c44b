"""The role `projector`: its consumers, each lane's acceptances by themselves."""

from __future__ import annotations

from dataclasses import replace

from services.ingest.disposal import Disposal
from services.ingest.handlers import Projection
from services.ingest.settings import Settings
from services.ingest.store.activity_counts import ActivityCounts
from services.ingest.store.messages import Messages
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, WEBHOOK_EVENTS, Lane, accepted
from shared.contracts.webhooks import WebhookAttempt
from shared.erasing import without_the_erased
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.mongo.erasures import KnownErasures
from shared.service import Base

# Most messages have an outcome by then, and their acceptance need not be written.
OUTCOME_SECONDS = 2.0
EVENTS_CONSUMER, WEBHOOKS_CONSUMER = "projector.events", "projector.webhooks"


def accepted_consumer(lane: Lane) -> str:
    return f"projector.{lane}"


def attach_projector(base: Base, settings: Settings) -> None:
    """Attaches the consumers that keep the read model, and the counts of activity."""
    projection = Projection(Messages(base.database), Disposal(base), ActivityCounts(base.database))
    known = KnownErasures(base.database, settings.pepper_bytes)
    for lane in Lane:
        fetching = replace(Fetching.behind(settings), age=OUTCOME_SECONDS)
        handle = without_the_erased(known, projection.accepted)
        base.consume(accepted_consumer(lane), {accepted(lane): Message}, handle, fetching, stuck_event)
    fetching = Fetching.behind(settings)
    base.consume(EVENTS_CONSUMER, {EVENTS: Event}, without_the_erased(known, projection.events), fetching)
    posted = without_the_erased(known, projection.webhooks)
    base.consume(WEBHOOKS_CONSUMER, {WEBHOOK_EVENTS: WebhookAttempt}, posted, fetching)
