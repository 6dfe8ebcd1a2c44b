"""The routers of the pages of webhooks."""

from __future__ import annotations

from fastapi import APIRouter

from services.webhooks.api.router import Actions
from services.webhooks.console.delivery import delivery_pages
from services.webhooks.console.editing import editing_pages
from services.webhooks.console.endpoint import endpoint_buttons, endpoint_pages
from services.webhooks.console.endpoints import endpoints_pages
from services.webhooks.console.signing import signing_pages
from services.webhooks.console.standings import Standings
from services.webhooks.console.summary import summary_parts
from services.webhooks.console.tasks import task_forms, tasks_pages
from services.webhooks.settings import Settings
from services.webhooks.store.stores import Stores
from shared.console.console import Console
from shared.service import Base


def console_routers(base: Base, settings: Settings, actions: Actions, stores: Stores) -> list[APIRouter]:
    console = Console(base, __package__)
    standings = Standings(settings, stores)
    return [
        summary_parts(console, actions, standings),
        endpoints_pages(console, actions, standings),
        editing_pages(console, actions, settings),
        endpoint_pages(console, actions, standings),
        endpoint_buttons(console, actions),
        delivery_pages(console, actions),
        tasks_pages(console, actions),
        task_forms(console, actions),
        signing_pages(console, actions, settings),
    ]
