"""`/v1/webhooks`: endpoints and what was posted to them."""

from __future__ import annotations

from fastapi import APIRouter

from services.webhooks.api.attempts import add_attempts
from services.webhooks.api.deliveries import DeliveryReader, add_deliveries, add_workspace_deliveries
from services.webhooks.api.endpoints import EndpointRoutes, add_endpoints, add_rotation
from services.webhooks.api.pages import Pages
from services.webhooks.api.tasks import TaskRoutes, add_backfills, add_replays
from services.webhooks.api.testing import add_testing
from services.webhooks.endpoints import Endpoints
from services.webhooks.names import Names
from services.webhooks.sealing import Seals
from services.webhooks.settings import Settings
from services.webhooks.shown import Shown
from services.webhooks.store.stores import Stores
from services.webhooks.urls import UrlRules
from shared.api import service_router
from shared.auth import Principal, caller
from shared.service import Base


def url_rules(settings: Settings) -> UrlRules:
    private = settings.allow_private_targets
    return UrlRules(plain_http=private or settings.profile == "local", private=private)


def create_router(
    base: Base, settings: Settings, endpoints: Endpoints, stores: Stores, seals: Seals, names: Names
) -> APIRouter:
    """The routes, for keys with the scope `webhooks`; another workspace's endpoint is not found."""
    router = service_router(base.tracing, "/v1/webhooks", ["webhooks"])
    pages = Pages(settings.token_key_bytes)
    reader = DeliveryReader(stores.deliveries, stores.attempts, pages)
    tasks = TaskRoutes(endpoints, stores.tasks, pages)
    owner: Principal = caller(base.authenticator, "webhooks")
    parts = EndpointRoutes(settings, endpoints, url_rules(settings), names, Shown(settings, seals), pages)
    add_workspace_deliveries(router, reader, owner)
    add_endpoints(router, parts, owner)
    add_rotation(router, parts, owner)
    add_deliveries(router, endpoints, reader, owner)
    add_attempts(router, endpoints, stores.attempts, pages, owner)
    add_testing(router, endpoints, stores.jobs, reader, owner)
    add_replays(router, tasks, owner)
    add_backfills(router, tasks, owner)
    return router
