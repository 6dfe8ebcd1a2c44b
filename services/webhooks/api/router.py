"""`/v1/webhooks`: endpoints and what was posted to them."""

from __future__ import annotations

from fastapi import APIRouter

from services.webhooks.api.deliveries import add_deliveries
from services.webhooks.api.endpoints import EndpointRoutes, add_endpoints, add_rotation
from services.webhooks.api.pages import Pages
from services.webhooks.endpoints import Endpoints
from services.webhooks.names import Names
from services.webhooks.sealing import Seals
from services.webhooks.settings import Settings
from services.webhooks.shown import Shown
from services.webhooks.store.attempts import Attempts
from services.webhooks.urls import UrlRules
from shared.api import service_router
from shared.auth import Principal, caller
from shared.service import Base


def url_rules(settings: Settings) -> UrlRules:
    private = settings.allow_private_targets
    return UrlRules(plain_http=private or settings.profile == "local", private=private)


def create_router(
    base: Base, settings: Settings, endpoints: Endpoints, attempts: Attempts, seals: Seals, names: Names
) -> APIRouter:
    """The routes, for keys with the scope `webhooks`; another workspace's endpoint is not found."""
    router = service_router(base.tracing, "/v1/webhooks", ["webhooks"])
    pages = Pages(settings.token_key_bytes)
    owner: Principal = caller(base.authenticator, "webhooks")
    parts = EndpointRoutes(settings, endpoints, url_rules(settings), names, Shown(settings, seals), pages)
    add_endpoints(router, parts, owner)
    add_rotation(router, parts, owner)
    add_deliveries(router, endpoints, attempts, pages, owner)
    return router
