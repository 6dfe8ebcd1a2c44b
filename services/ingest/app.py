"""The ingest service: accepts messages, publishes them, and keeps what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.workspaces import OWNED
from services.ingest.api.actions import MessageActions, actions_router
from services.ingest.api.addresses import addresses_router
from services.ingest.api.domains import DomainParts, domains_router
from services.ingest.api.door import Door
from services.ingest.api.emails import emails_router
from services.ingest.api.messages import MessageReader, messages_router
from services.ingest.api.preview import preview_router
from services.ingest.dialects.broadcast.routes import broadcast_router
from services.ingest.dialects.sendy.routes import sendy_router
from services.ingest.domains.upkeep import run_upkeep
from services.ingest.projection.projector import attach_projector
from services.ingest.publication.relay import run_relay
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from services.ingest.store.schedule import Schedule
from services.ingest.store.submissions import Submissions
from services.ingest.store.tracked_hits import TrackedHits
from services.ingest.store.uploads import Uploads
from services.ingest.tracking.answers import TrackedLinks
from services.ingest.tracking.recorder import PUBLISH_SECONDS, Recorder
from services.ingest.tracking.routes import links_router
from shared.content import ContentStore
from shared.service import Base, Service
from shared.tokens import Cursors


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http`, `relay` and `projector`."""
    base = Base("ingest", settings, roles, owned=OWNED)
    submissions = Submissions(base.database, base.content_database)
    recorder = Recorder(TrackedHits(base.database), base.publisher, settings.tracking_hasty_seconds)
    uploads = Uploads(base.content_database)
    routers: list[APIRouter] = []
    if "http" in roles:

        def _door(name: str) -> Door:
            return Door(name, base.authenticator, uploads, settings)

        door = _door("rest")
        reader = MessageReader(Messages(base.database), Cursors(settings.token_key_bytes))
        actions = MessageActions(reader, Schedule(base.database), ContentStore(base.content_database))
        admission = Admission(base.cache, submissions, uploads, settings)
        domains = DomainParts.of(base, settings)
        routers = [
            emails_router(base, admission, door),
            preview_router(base, admission, door),
            messages_router(base, reader),
            actions_router(base, admission, reader, actions, door),
            broadcast_router(base, admission, reader, _door("broadcast")),
            sendy_router(base, admission, reader, actions, _door("sendy")),
            domains_router(base, domains),
            addresses_router(base, domains),
            links_router(TrackedLinks(recorder, settings)),
        ]
    if "projector" in roles:
        attach_projector(base, settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "relay" in roles:
                base.publish_configuration(loops)
                run_relay(base, settings, loops)
                run_upkeep(base, settings, loops)
                loops.every("tracking.sweep", settings.sweep_seconds, recorder.sweep)
            if "http" in roles:
                loops.every("tracking.publish", PUBLISH_SECONDS, recorder.publish)
            try:
                yield
            finally:
                await submissions.drain()
                await recorder.drain()

    return Service("ingest", routers, run, base.ready)
