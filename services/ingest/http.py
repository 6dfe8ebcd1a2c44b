"""The role `http`: every route of ingest, and the parts behind them."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.changes import Changes
from services.ingest.api.actions import MessageActions, actions_router
from services.ingest.api.activity import activity_router
from services.ingest.api.addresses import addresses_router
from services.ingest.api.audit import audit_router
from services.ingest.api.body_budget import BodyBudget
from services.ingest.api.contacts import contacts_router
from services.ingest.api.domains import DomainParts, domains_router
from services.ingest.api.door import Door
from services.ingest.api.emails import emails_router
from services.ingest.api.fields import fields_router
from services.ingest.api.keys import keys_router
from services.ingest.api.messages import MessageReader, messages_router
from services.ingest.api.preview import preview_router
from services.ingest.api.smtp_credentials import credentials_router
from services.ingest.api.templates import templates_router
from services.ingest.api.workspaces import workspaces_router
from services.ingest.console.pages import console_routers
from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.dialects.broadcast.routes import broadcast_router
from services.ingest.dialects.plunk.keys import UsedKeys
from services.ingest.dialects.plunk.routes import plunk_router
from services.ingest.dialects.plunk.sending import PlunkSending
from services.ingest.dialects.plunk.tracking import PlunkTracking
from services.ingest.dialects.sendy.routes import sendy_router
from services.ingest.people import ingest_people
from services.ingest.settings import Settings
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import ContactStore
from services.ingest.store.messages import Messages
from services.ingest.store.schedule import Schedule
from services.ingest.store.search import Searches
from services.ingest.store.uploads import Uploads
from services.ingest.tracking.answers import TrackedLinks
from services.ingest.tracking.recorder import Recorder
from services.ingest.tracking.routes import links_router
from shared.content import ContentStore
from shared.erasure import is_erased
from shared.service import Base
from shared.tokens import Cursors


def http_routers(
    base: Base,
    settings: Settings,
    admission: Admission,
    lookup: ContactLookup,
    uploads: Uploads,
    recorder: Recorder,
) -> list[APIRouter]:
    """One router for each kind of thing; each dialect is a door of its own."""

    bodies = BodyBudget(settings.body_buffer_bytes)

    def door(name: str) -> Door:
        return Door(name, base.authenticator, uploads, bodies, settings)

    rest = door("rest")
    reader = MessageReader(Messages(base.database), Searches(base.database), Cursors(settings.token_key_bytes))
    actions = MessageActions(reader, Schedule(base.database), ContentStore(base.content_database))
    domains = DomainParts.of(base, settings)
    plunk_sending, plunk_tracking = plunk_parts(base, settings, admission, lookup)
    changes = Changes(base.cache, base.publisher, settings.audit_days)
    return [
        emails_router(base, admission, rest),
        preview_router(base, admission, rest),
        messages_router(base, reader),
        actions_router(base, admission, reader, actions, rest),
        activity_router(base),
        domains_router(base, domains),
        addresses_router(base, domains),
        *(make(base, changes, settings) for make in (keys_router, credentials_router, workspaces_router)),
        audit_router(base, settings),
        ingest_people(base),
        contacts_router(base),
        fields_router(base),
        templates_router(base, changes, settings),
        broadcast_router(base, admission, reader, door("broadcast")),
        plunk_router(base, plunk_sending, plunk_tracking, door("plunk")),
        sendy_router(base, admission, reader, actions, door("sendy")),
        links_router(tracked_links(base, recorder, settings)),
        *console_routers(base, settings, admission, reader, actions, changes, domains),
    ]


def plunk_parts(
    base: Base, settings: Settings, admission: Admission, lookup: ContactLookup
) -> tuple[PlunkSending, PlunkTracking]:
    """What stands behind Plunk's routes, with one scope of idempotency keys."""
    contacts, events, declared = contacts_of(base), ContactEvents(base.database), DeclaredFields(base.cache)
    keys = UsedKeys(admission, events)
    life = timedelta(hours=settings.idempotency_hours)
    sending = PlunkSending(admission, keys, contacts, lookup, declared)
    return sending, PlunkTracking(keys, contacts, events, declared, life)


def contacts_of(base: Base) -> Contacts:
    return Contacts(base.cache, ContactStore(base.database), ContactEvents(base.database))


def tracked_links(base: Base, recorder: Recorder, settings: Settings) -> TrackedLinks:
    """The links of messages; who unsubscribes is a contact from then on who has."""
    contacts = contacts_of(base)

    async def unsubscribe(workspace_id: str, address: str, at: datetime) -> None:
        if not is_erased(address):
            await contacts.upsert_many(workspace_id, [ContactChange(address, subscribed=False)])

    async def subscribe(workspace_id: str, address: str, at: datetime) -> None:
        if not is_erased(address):
            await contacts.upsert_many(workspace_id, [ContactChange(address, subscribed=True)])

    def client_of(request: Request) -> str | None:
        address = base.authenticator.address_of(request)
        return str(address) if address is not None else None

    return TrackedLinks(recorder, settings, unsubscribe, subscribe, client_of)
