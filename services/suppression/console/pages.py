"""The routers of suppression's pages."""

from __future__ import annotations

from fastapi import APIRouter

from services.suppression.api.domains import SendingDomains
from services.suppression.api.entries import SuppressionApi
from services.suppression.console.adding import adding_pages
from services.suppression.console.certificates import counts_said
from services.suppression.console.entry import entry_pages
from services.suppression.console.erasures import erasure_pages
from services.suppression.console.importing import import_pages
from services.suppression.console.listing import list_pages
from services.suppression.console.names import Names
from services.suppression.console.words import note_of, origin_said, reason_said, stops
from services.suppression.erasing.api import ErasureApi
from services.suppression.erasing.store import ErasureStore
from services.suppression.settings import Settings
from services.suppression.store import Imports, Suppressions
from shared.console.console import Console
from shared.console.pages import Filter
from shared.service import Base
from shared.tokens import Cursors

FILTERS: dict[str, Filter] = {
    "reason_said": reason_said,
    "origin_said": origin_said,
    "stops": stops,
    "note_of": note_of,
    "counts_said": counts_said,
}


def console_routers(base: Base, store: Suppressions, erasures: ErasureStore, settings: Settings) -> list[APIRouter]:
    console = Console(base, __package__, FILTERS)
    api, names = SuppressionApi(store, SendingDomains(base.entities), settings), Names(base.cache)
    return [
        list_pages(console, api, Cursors(settings.token_key_bytes)),
        adding_pages(console, api),
        import_pages(console, api, Imports(base.database)),
        erasure_pages(console, ErasureApi(erasures, settings), names),
        entry_pages(console, api, names),  # last: its path takes any name
    ]
