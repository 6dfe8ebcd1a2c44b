"""The routes: the same for a workspace by its key and for the platform by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.suppression.api.bulk import BulkApi
from services.suppression.api.callers import Caller, of_platform, of_workspaces
from services.suppression.api.checking import CheckApi
from services.suppression.api.described import (
    BULK,
    CHECK,
    IMPORT,
    NEW,
    added,
    bulk,
    checked,
    exported,
    history,
    imported,
    one,
    page,
    removals,
    removed,
)
from services.suppression.api.domains import SendingDomains
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.importing import ImportApi
from services.suppression.api.schemas import (
    Bulk,
    Check,
    ImportDefaults,
    Listed,
    ListingQuery,
    NewSuppression,
    RemovalsQuery,
    Removing,
    Where,
)
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.api import read_json, service_router
from shared.openapi.operations import KEY, OPERATOR
from shared.service import Base

MAX_CHECK_BYTES = 1024 * 1024
MAX_BULK_BYTES = 2 * 1024 * 1024


def routers(base: Base, store: Suppressions, settings: Settings) -> list[APIRouter]:
    api = SuppressionApi(store, SendingDomains(base.entities), settings)
    own = service_router(base.tracing, "/v1/suppressions", ["suppressions"])
    platform = service_router(base.tracing, "/v1/platform/suppressions", ["platform"])
    for router, asker, names, gates in (
        (own, of_workspaces(base.authenticator), "suppression", KEY),
        (platform, of_platform(base.authenticator), "platform_suppression", OPERATOR),
    ):
        _add_lists(router, api, asker, names, gates)
        _add_many(router, api, asker, names, gates)
        _add_entries(router, api, asker, names, gates)  # last: their path takes any name
    return [own, platform]


def _add_lists(router: APIRouter, api: SuppressionApi, asker: Any, names: str, gates: Sequence[int]) -> None:
    files = ImportApi(api)

    @router.get("", operation_id=f"list_{names}s", responses=page(*gates))
    async def list_suppressions(listing: Annotated[ListingQuery, Query()], asking: Caller = asker) -> Response:
        """List suppressions, newest first.

        Filters: `type`, `cause`, `scope`, `domain`, `stream`, `origin`, `expiring`.
        """
        return await api.list(asking, listing)

    @router.get("/removals", operation_id=f"list_{names}_removals", responses=removals(*gates))
    async def list_removals(listing: Annotated[RemovalsQuery, Query()], asking: Caller = asker) -> Response:
        """List what is removed, the newest removal first: when, by whom and why. Its addresses are not kept."""
        return await api.removals(asking, listing)

    @router.get(
        "/export", operation_id=f"export_{names}s", response_class=Response, responses=exported(*gates)
    )  # fmt: skip
    async def export_suppressions(listed: Annotated[Listed, Query()], asking: Caller = asker) -> Response:
        """All suppressions as CSV, newest first, by the filters of the list."""
        return await files.give(asking, listed)

    @router.post("/import", operation_id=f"import_{names}s", responses=imported(*gates), openapi_extra=IMPORT)
    async def import_suppressions(
        defaults: Annotated[ImportDefaults, Query()], request: Request, asking: Caller = asker
    ) -> Response:
        """Add the rows of a CSV file of any length. Importing one again changes nothing."""
        return await files.take(asking, defaults, request)


def _add_many(router: APIRouter, api: SuppressionApi, asker: Any, names: str, gates: Sequence[int]) -> None:
    many, checking = BulkApi(api), CheckApi(api.store)

    @router.post("/check", operation_id=f"check_{names}s", responses=checked(*gates), openapi_extra=CHECK)
    async def check_suppressions(request: Request, asking: Caller = asker) -> Response:
        """Say of up to 1,000 addresses what mail to them comes to now."""
        return await checking.check(asking, await read_json(request, Check, MAX_CHECK_BYTES))

    @router.post("/bulk", operation_id=f"change_{names}s", responses=bulk(*gates), openapi_extra=BULK)
    async def change_suppressions(request: Request, asking: Caller = asker) -> Response:
        """Add, then remove, up to 1,000 together, each with a result of its own."""
        return await many.change(asking, await read_json(request, Bulk, MAX_BULK_BYTES), request)


def _add_entries(router: APIRouter, api: SuppressionApi, asker: Any, names: str, gates: Sequence[int]) -> None:
    @router.post("", status_code=201, operation_id=f"add_{names}", responses=added(*gates), openapi_extra=NEW)
    async def add_suppression(request: Request, asking: Caller = asker) -> Response:
        """Suppress an address. What suppresses it already stays, unless the new type counts longer or ranks higher."""
        return await api.add(asking, await read_json(request, NewSuppression))

    @router.get("/{entry:path}/history", operation_id=f"get_{names}_history", responses=history(*gates))
    async def get_history(entry: str, where: Annotated[Where, Query()], asking: Caller = asker) -> Response:
        """What became of a suppression, newest first, also of a removed one: when, by whom and why."""
        return await api.history(asking, entry, where)

    @router.get("/{entry:path}", operation_id=f"get_{names}", responses=one(*gates))
    async def get_suppression(entry: str, where: Annotated[Where, Query()], asking: Caller = asker) -> Response:
        """A suppression by its id, or by its address and scope."""
        return await api.get(asking, entry, where)

    @router.delete("/{entry:path}", status_code=204, operation_id=f"remove_{names}", responses=removed(*gates))
    async def remove_suppression(
        entry: str, removing: Annotated[Removing, Query()], asking: Caller = asker
    ) -> Response:
        """Remove a suppression. A complaint's or an erasure's needs a `reason`, and a key with the scope `admin`."""
        return await api.remove(asking, entry, removing)
