"""The routers of ingest's pages."""

from __future__ import annotations

from fastapi import APIRouter

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.changes import Changes
from services.ingest.api.actions import MessageActions
from services.ingest.api.messages import MessageReader
from services.ingest.console.message import message_buttons, message_pages
from services.ingest.console.messages import messages_pages
from services.ingest.console.overview import overview_pages
from services.ingest.console.sign_in import sign_in_router
from services.ingest.console.start import start_pages
from services.ingest.settings import Settings
from shared.console.console import Console
from shared.service import Base


def console_routers(
    base: Base,
    settings: Settings,
    admission: Admission,
    reader: MessageReader,
    actions: MessageActions,
    changes: Changes,
) -> list[APIRouter]:
    console = Console(base, __package__)
    return [
        *_by_provider(console, base, settings),
        sign_in_router(console, base.authenticator, settings),
        overview_pages(console, base),
        messages_pages(console, reader),
        message_pages(console, reader, actions, settings.public_url),
        message_buttons(console, reader, actions, admission),
        start_pages(console, base, changes, settings, reader),
    ]


def _by_provider(console: Console, base: Base, settings: Settings) -> list[APIRouter]:
    if settings.oidc_issuer is None:
        return []
    from services.ingest.console.oidc_pages import oidc_pages  # its libraries take a third of a second to import

    return [oidc_pages(console, base.cache, settings)]
