"""The ingest service: accepts messages, publishes them, and keeps what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from fastapi import APIRouter

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.changes import Changes
from services.ingest.accounts.request_limits import RequestLimits
from services.ingest.accounts.uses import Uses
from services.ingest.accounts.workspaces import OWNED
from services.ingest.api.audit import audit_router
from services.ingest.api.emails import emails_router
from services.ingest.api.keys import keys_router
from services.ingest.api.messages import messages_router
from services.ingest.api.smtp_credentials import credentials_router
from services.ingest.api.workspaces import workspaces_router
from services.ingest.projection.projector import attach_projector
from services.ingest.publication.relay import run_relay
from services.ingest.settings import Settings
from services.ingest.store.audit import AuditLog
from services.ingest.store.submissions import Submissions
from services.ingest.store.uses import LastUses
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http`, `relay` and `projector`."""
    base = Base("ingest", settings, roles, owned=OWNED)
    submissions = Submissions(base.database, base.content_database)
    uses = Uses(LastUses(base.database))
    routers: list[APIRouter] = []
    if "http" in roles:
        base.authenticator.on_admitted(lambda _, principal: uses.note(principal.key_id))
        base.authenticator.on_admitted(RequestLimits(settings).check)
        admission = Admission(base.cache, submissions, settings)
        routers = [emails_router(base, admission, settings), messages_router(base, settings)]
        changes = Changes(base.cache, base.publisher, settings.audit_days)
        routers += [router(base, changes, settings) for router in (keys_router, credentials_router, workspaces_router)]
        routers.append(audit_router(base, settings))
    if "projector" in roles:
        attach_projector(base, settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "relay" in roles:
                base.publish_configuration(loops)
                loops.every("audit.sweep", settings.sweep_seconds, AuditLog(base.database).sweep)
                run_relay(base, settings, loops)
            loops.every("uses.flush", settings.last_used_seconds, uses.flush)
            try:
                yield
            finally:
                await submissions.drain()

    return Service("ingest", routers, run, base.ready)
