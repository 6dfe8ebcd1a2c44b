"""Puts the routes of `/v1/queue` together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter

from services.sender.api.acting import QueueActions, add_acting
from services.sender.api.reading import Pages, QueueReader, add_reading
from services.sender.queue.asking import Asking
from services.sender.queue.flow import Flow
from services.sender.queue.overview import Overview
from services.sender.queue.stages import Stages
from services.sender.settings import Settings
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.drained import Drained
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import Queue
from shared.api import service_router
from shared.auth import operator_or_caller
from shared.mongo.clock import DatabaseClock
from shared.secrets import address_hmac
from shared.service import Base

READ, ACT, ROUTE = "email.history", "email.send", "routing"


@dataclass(frozen=True, slots=True)
class QueueParts:
    """What the routes and the console's pages are made of."""

    queue: Queue
    reader: QueueReader
    actions: QueueActions
    flow: Flow

    @classmethod
    def of(cls, base: Base, settings: Settings, stages: Stages) -> QueueParts:
        queue = Queue(Deliveries(base.database))
        holds, jobs = Holds(base.database), Jobs(base.database, settings.lease_seconds)
        clock, pages = DatabaseClock(base.database), Pages(settings.token_key_bytes)
        destinations = Destinations(base.database, "", settings.lease_seconds)  # looked at only: nobody's slots
        overview = Overview(queue, destinations, clock)
        return cls(
            queue,
            QueueReader(queue, overview, stages, holds, jobs, pages, partial(address_hmac, settings.pepper_bytes)),
            QueueActions(Asking(holds, jobs, clock), base.authenticator, base.cache, clock),
            Flow(queue, overview, Drained(base.database), stages, clock),
        )


def queue_router(base: Base, parts: QueueParts) -> APIRouter:
    """The routes, for keys with a scope of their mail's and for the operator, who sees everybody's."""
    router = service_router(base.tracing, "/v1/queue", ["queue"])
    add_reading(router, parts.reader, operator_or_caller(base.authenticator, READ))
    acting, routing = (operator_or_caller(base.authenticator, scope) for scope in (ACT, ROUTE))
    add_acting(router, parts.actions, acting, routing)
    return router
