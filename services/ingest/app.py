"""The ingest service: accepts messages, publishes them, and keeps what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.workspaces import OWNED
from services.ingest.api.contacts import contacts_router
from services.ingest.api.emails import emails_router
from services.ingest.api.fields import fields_router
from services.ingest.api.messages import messages_router
from services.ingest.api.templates import templates_router
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.projection.projector import attach_projector
from services.ingest.publication.relay import run_relay
from services.ingest.settings import Settings
from services.ingest.store.contacts import ContactStore
from services.ingest.store.submissions import Submissions
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http`, `relay` and `projector`."""
    base = Base("ingest", settings, roles, owned=OWNED)
    submissions = Submissions(base.database, base.content_database)
    routers: list[APIRouter] = []
    if "http" in roles:
        contacts = ContactStore(base.database)
        admission = Admission(base.cache, ContactLookup(base.cache, contacts.known), submissions, settings)
        routers = [emails_router(base, admission, settings), messages_router(base, settings)]
        routers += [contacts_router(base), fields_router(base), templates_router(base, settings)]
    if "projector" in roles:
        attach_projector(base, settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "relay" in roles:
                base.publish_configuration(loops)
                run_relay(base, settings, loops)
            try:
                yield
            finally:
                await submissions.drain()

    return Service("ingest", routers, run, base.ready)
