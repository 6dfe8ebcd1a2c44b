"""`/v1/webhooks`: endpoints and what was posted to them."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from services.webhooks.api.attempts import add_attempts
from services.webhooks.api.deliveries import add_deliveries, add_testing, add_workspace_deliveries
from services.webhooks.api.delivery_actions import DeliveryActions
from services.webhooks.api.endpoint_actions import EndpointActions
from services.webhooks.api.endpoints import add_endpoints, add_rotation
from services.webhooks.api.pages import Pages
from services.webhooks.api.task_actions import TaskActions
from services.webhooks.api.tasks import add_backfills, add_replays
from services.webhooks.endpoints import Endpoints
from services.webhooks.names import Names
from services.webhooks.sealing import Seals
from services.webhooks.settings import Settings
from services.webhooks.shown import Shown
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.stores import Stores
from services.webhooks.urls import UrlRules
from shared.api import service_router
from shared.auth import Principal, caller
from shared.service import Base

SCOPE = "webhooks"


@dataclass(frozen=True)
class Actions:
    """What can be done, for the API and the console alike."""

    endpoints: EndpointActions
    deliveries: DeliveryActions
    tasks: TaskActions
    attempts: Attempts
    pages: Pages


def url_rules(settings: Settings) -> UrlRules:
    private = settings.allow_private_targets
    return UrlRules(plain_http=private or settings.profile == "local", private=private)


def actions_of(settings: Settings, endpoints: Endpoints, stores: Stores, seals: Seals, names: Names) -> Actions:
    pages = Pages(settings.token_key_bytes)
    return Actions(
        EndpointActions(settings, endpoints, url_rules(settings), names, Shown(settings, seals), pages),
        DeliveryActions(stores.jobs, stores.deliveries, stores.attempts, pages),
        TaskActions(stores.tasks, pages),
        stores.attempts,
        pages,
    )


def create_router(base: Base, actions: Actions) -> APIRouter:
    """The routes, for keys with the scope `webhooks`; another workspace's endpoint is not found."""
    router = service_router(base.tracing, "/v1/webhooks", ["webhooks"])
    owner: Principal = caller(base.authenticator, SCOPE)
    endpoints, deliveries, tasks = actions.endpoints, actions.deliveries, actions.tasks
    add_workspace_deliveries(router, deliveries, owner)
    add_endpoints(router, endpoints, owner)
    add_rotation(router, endpoints, owner)
    add_deliveries(router, endpoints, deliveries, owner)
    add_attempts(router, endpoints, actions.attempts, actions.pages, owner)
    add_testing(router, endpoints, deliveries, owner)
    add_replays(router, endpoints, tasks, owner)
    add_backfills(router, endpoints, tasks, owner)
    return router
