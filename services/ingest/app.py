"""The ingest service: accepts messages, publishes them, and keeps what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.examination import Examination
from services.ingest.acceptance.storing import Storing
from services.ingest.accounts.quota import Quota
from services.ingest.accounts.request_limits import RequestLimits
from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.accounts.uses import Uses
from services.ingest.accounts.workspaces import OWNED
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.disposal import Disposal
from services.ingest.domains.upkeep import run_upkeep
from services.ingest.erasing import MailErasing
from services.ingest.http import http_routers
from services.ingest.projection.projector import attach_projector
from services.ingest.publication.relay import run_relay
from services.ingest.replies.forwarder import attach_replies
from services.ingest.settings import Settings
from services.ingest.smtp.server import smtp_door
from services.ingest.store.audit import AuditLog
from services.ingest.store.contacts import ContactStore
from services.ingest.store.quota import QuotaLeases
from services.ingest.store.submissions import Submissions
from services.ingest.store.templates import TemplateStore
from services.ingest.store.tracked_hits import TrackedHits
from services.ingest.store.uploads import Uploads
from services.ingest.store.uses import LastUses
from services.ingest.templates.templates import Templates
from services.ingest.tracking.recorder import PUBLISH_SECONDS, Recorder
from shared.erasing import Erasing
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http`, `smtp`, `relay` and `projector`."""
    base = Base("ingest", settings, roles, owned=OWNED)
    submissions = Submissions(base.database, base.content_database)
    uploads = Uploads(base.content_database)
    contacts = ContactLookup(base.cache, ContactStore(base.database).known)
    templates = Templates(base.cache, TemplateStore(base.database))
    examination = Examination(base.cache, contacts, templates, timedelta(hours=settings.expires_hours))
    quota = Quota(QuotaLeases(base.database), settings.quota_block)
    storing = Storing(submissions, quota, timedelta(hours=settings.idempotency_hours), base.tracing)
    admission = Admission(examination, storing, uploads, settings)
    recorder = Recorder(TrackedHits(base.database), base.publisher, settings.tracking_hasty_seconds)
    uses = Uses(LastUses(base.database))
    routers = []
    if "http" in roles:
        base.authenticator.on_admitted(lambda _, principal: uses.note(principal.key_id))
        base.authenticator.on_admitted(RequestLimits(settings).check)
        routers = http_routers(base, settings, admission, contacts, uploads, recorder)
    login = SmtpLogin(base.cache, base.authenticator, uses, settings.pepper_bytes)
    smtp = smtp_door(base, admission, login, settings) if "smtp" in roles else None
    erasing = Erasing(base, MailErasing(base, Disposal(base)).erase)
    if "projector" in roles:
        attach_projector(base, settings)
    if "relay" in roles:
        attach_replies(base, admission, settings)
        erasing.attach()

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "relay" in roles:
                base.publish_configuration(loops)
                loops.every("audit.sweep", settings.sweep_seconds, AuditLog(base.database).sweep)
                run_relay(base, settings, loops)
                erasing.start(loops)
                run_upkeep(base, settings, loops)
                loops.every("tracking.sweep", settings.sweep_seconds, recorder.sweep)
            if "http" in roles:
                loops.every("tracking.publish", PUBLISH_SECONDS, recorder.publish)
            loops.every("uses.flush", settings.last_used_seconds, uses.flush)
            try:
                async with smtp.open(loops) if smtp else nullcontext():
                    yield
            finally:
                await submissions.drain()
                await recorder.drain()

    return Service("ingest", routers, run, base.ready)
