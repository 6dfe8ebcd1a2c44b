"""One suppression: why, since when, by whom, what became of it, and its removal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.schemas import RemovalsQuery, Removing
from services.suppression.api.views import history_of, removal_view
from services.suppression.console.evidence import advice_of, is_guarded, told_by
from services.suppression.console.names import Names
from services.suppression.console.paths import PATH, REMOVALS, SCOPE
from services.suppression.documents.reading import entry_of
from services.suppression.rules import Place
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError, not_found
from shared.paging import MOST_PAGES

PER_PAGE = 50
PageNumber = Annotated[int, Query(ge=1, le=MOST_PAGES)]
Address = Annotated[str, Query(max_length=1000)]


class EntryPage:
    """What is shown of one entry; of a removed one its history alone, as its address is not kept."""

    def __init__(self, api: SuppressionApi, names: Names) -> None:
        self._api = api
        self._names = names

    async def shown(self, workspace_id: str, id_: str) -> dict[str, Any]:
        """Raises a 404 problem."""
        document = await self._api.store.document(Place(workspace_id), id_)
        if document is None:
            raise not_found("suppression")
        history = history_of(document)
        return {
            "id": document["public_id"],
            "history": history,
            "names": await self._names.of(workspace_id, {change["by"] for change in history}),
            **self._standing(document),
        }

    def _standing(self, document: Mapping[str, Any]) -> dict[str, Any]:
        if "standing" not in document:
            return {"entry": None, "removal": removal_view(document)}
        entry = entry_of(document)
        view = self._api.render(entry)
        return {
            "entry": view,
            "removal": None,
            "counts": entry.until > datetime.now(UTC),
            "by": entry.by,
            "told": told_by(view),
            "advice": advice_of(view),
            "guarded": is_guarded(view),
        }


def entry_pages(console: Console, api: SuppressionApi, names: Names) -> APIRouter:
    router = console.router()
    pages, entries = console.pages, EntryPage(api, names)
    allowed = console.gate.page(SCOPE)

    @router.get(REMOVALS)
    async def show_removals(
        request: Request, page: PageNumber = 1, email: Address = "", visitor: Visitor = allowed
    ) -> Response:
        asked = RemovalsQuery(page=page, per_page=PER_PAGE, email=email.strip() or None)
        removals, total = await api.removed(Caller(visitor.principal), asked)
        return pages.show(
            request,
            visitor,
            "suppression_removals.html",
            removals=removals,
            names=await names.of(visitor.workspace_id, {each["by"] for each in removals}),
            email=email.strip(),
            next_url=removals_url(email, page + 1) if page * PER_PAGE < total else None,
            newest_url=removals_url(email) if page > 1 else None,
        )

    @router.get(f"{PATH}/{{id}}")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        shown = await entries.shown(visitor.workspace_id, id.lower())
        return pages.show(request, visitor, "suppression.html", form=Form({"reason": ""}), **shown)

    @router.post(f"{PATH}/{{id}}/remove")
    async def remove(request: Request, id: str, visitor: Visitor = console.gate.action(SCOPE)) -> Response:
        given = await read_form(request, "reason")
        try:
            removing = as_body(Removing, {"reason": given["reason"] or None})
            await api.remove(Caller(visitor.principal), id.lower(), removing)
        except ProblemError as problem:
            form, shown = refused(given, problem), await entries.shown(visitor.workspace_id, id.lower())
            return pages.show(request, visitor, "suppression.html", form.status, form=form, **shown)
        return pages.go(f"{PATH}/{id.lower()}", "Removed. Mail goes to the address again.")

    return router


def removals_url(email: str, page: int = 1) -> str:
    query: dict[str, Any] = {"email": email.strip()} if email.strip() else {}
    return f"{REMOVALS}?{urlencode(query | {'page': page})}"
