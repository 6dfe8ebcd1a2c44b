"""What is done with endpoints, whoever asks: a caller of the API or a visitor of the console."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

from services.webhooks.api.pages import Pages
from services.webhooks.bodies import EndpointBody, EndpointChanges, RotationBody
from services.webhooks.endpoints import Endpoints
from services.webhooks.names import Names
from services.webhooks.settings import Settings
from services.webhooks.shown import Shown
from services.webhooks.urls import InvalidUrlError, UrlRules
from services.webhooks.versions import InvalidEndpointError
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity, VersionConflictError

T = TypeVar("T")


class EndpointActions:
    """Raises problems: 404 for what the workspace does not have, 422 for what makes no endpoint, 409 for one that keeps
    changing. `urls` are the rules that URLs are held to, in the bodies already."""

    def __init__(
        self, settings: Settings, endpoints: Endpoints, urls: UrlRules, names: Names, shown: Shown, pages: Pages
    ) -> None:
        self.urls = urls
        self.shown = shown
        self._settings = settings
        self._endpoints = endpoints
        self._names = names
        self._pages = pages

    async def found(self, workspace_id: str, id_: str) -> Entity:
        """The endpoint as it is now."""
        return _there(await self._endpoints.get(workspace_id, id_))

    async def page(self, workspace_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """The workspace's endpoints, oldest first."""
        query = f"{workspace_id}:endpoints"
        found = await self._endpoints.page(workspace_id, self._pages.after(cursor, query), limit + 1)
        return self._pages.page([self.shown.endpoint(entity) for entity in found], limit, query)

    async def create(self, workspace_id: str, body: EndpointBody) -> dict[str, Any]:
        """The new endpoint with its secret."""
        warnings = await self._warnings(body.url)
        entity, secret = await _valid(self._endpoints.create(workspace_id, body.model_dump()))
        return self.shown.with_secret(entity, secret, warnings)

    async def change(self, workspace_id: str, id_: str, body: EndpointChanges) -> dict[str, Any]:
        """The endpoint with what is given changed."""
        warnings = await self._warnings(body.url) if body.url else []
        changed = await _valid(self._endpoints.change(workspace_id, id_, body.changes()))
        return self.shown.endpoint(_there(changed), warnings)

    async def rotate(self, workspace_id: str, id_: str, body: RotationBody) -> dict[str, Any]:
        """The endpoint with its new secret."""
        hours = self._settings.webhook_rotation_hours if body.overlap_hours is None else body.overlap_hours
        rotated = await _valid(self._endpoints.rotate(workspace_id, id_, body.secret, timedelta(hours=hours)))
        if rotated is None:
            raise not_found("webhook endpoint")
        return self.shown.with_secret(*rotated)

    async def delete(self, workspace_id: str, id_: str) -> None:
        """Deletes the endpoint; what waits for it is canceled."""
        if not await self._endpoints.delete(workspace_id, id_):
            raise not_found("webhook endpoint")

    async def _warnings(self, url: str) -> list[str]:
        try:
            return await self._names.warnings(url)
        except InvalidUrlError as error:
            raise invalid_request([Fault("#/url", error.code, f"The URL {error}.")]) from error


def _there(entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found("webhook endpoint")
    return entity


async def _valid(done: Awaitable[T]) -> T:
    """What is done; as a problem what it makes no endpoint of, or no version of one that keeps changing."""
    try:
        return await done
    except InvalidEndpointError as error:
        raise invalid_request(error.faults) from error
    except VersionConflictError as error:
        raise ProblemError(409, "conflict", "The endpoint keeps changing; please try again.") from error
