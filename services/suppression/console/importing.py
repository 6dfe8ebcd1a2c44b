"""A CSV file sent by a form: how far it is while it comes, and what it came to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.importing import ImportApi
from services.suppression.api.schemas import ImportDefaults
from services.suppression.console.adding import TYPES
from services.suppression.console.file_import import FileImport
from services.suppression.console.paths import IMPORTS, SCOPE
from services.suppression.console.places import at_field, place_named, where_options
from services.suppression.console.progress import shown
from services.suppression.store import Imports
from shared.console.console import Console
from shared.console.forms import Form, as_body, refused
from shared.console.gate import Visitor
from shared.console.pages import HEADERS
from shared.console.uploads import upload_of
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.tokens import uuid7

FIELDS = ("type", "where", "reason")
NO_FILE = Fault("#/file", "missing", "Choose a CSV file.")


def import_pages(console: Console, api: SuppressionApi, imports: Imports) -> APIRouter:
    router = console.router()
    pages, doing = console.pages, FileImport(ImportApi(api), imports)
    allowed = console.gate.page(SCOPE)

    async def show_form(request: Request, visitor: Visitor, form: Form) -> Response:
        places = where_options(await api.domains.of(visitor.workspace_id))
        parts = {"id": uuid7(), "form": form, "types": TYPES, "places": places, **shown(None)}
        if "hx-request" not in request.headers:
            return pages.show(request, visitor, "suppression_import.html", form.status, **parts)
        response = pages.fragment("suppression_import_form.html", visitor=visitor, **parts)
        response.status_code = form.status
        return response

    async def progress(visitor: Visitor, id_: UUID) -> dict[str, Any]:
        return shown(await imports.get(visitor.workspace_id, str(id_)))

    @router.get(IMPORTS)
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        return await show_form(request, visitor, Form(dict.fromkeys(FIELDS, "")))

    @router.post(f"{IMPORTS}/{{id}}")
    async def take(request: Request, id: UUID, visitor: Visitor = allowed) -> Response:
        """Reads the file as it comes. The page's script shows meanwhile how far it is, and goes on as it is told."""
        upload = await upload_of(request, console.gate, visitor)
        given = {name: upload.fields.get(name, "").strip() for name in (*FIELDS, "file")}
        try:
            if not upload.filename:
                raise invalid_request([NO_FILE])
            defaults = as_body(ImportDefaults, defaults_in(given))
        except ProblemError as problem:
            await upload.leave()
            return await show_form(request, visitor, refused(given, problem, at_field))
        size = request.headers.get("content-length", "")
        await doing.run(Caller(visitor.principal), str(id), defaults, upload, int(size) if size.isdecimal() else None)
        if "hx-request" in request.headers:
            return Response(headers={**HEADERS, "HX-Redirect": f"{IMPORTS}/{id}"})
        return pages.go(f"{IMPORTS}/{id}")

    @router.get(f"{IMPORTS}/{{id}}")
    async def show(request: Request, id: UUID, visitor: Visitor = allowed) -> Response:
        found = await progress(visitor, id)
        if found["file"] is None:
            raise not_found("import")
        return pages.show(request, visitor, "suppression_imported.html", id=id, **found)

    @router.get(f"{IMPORTS}/{{id}}/live")
    async def follow(request: Request, id: UUID, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("suppression_import_progress.html", **await progress(visitor, id))

        return await console.live(request, render)

    return router


def defaults_in(given: dict[str, str]) -> dict[str, str]:
    """What a filled form says of rows that do not say."""
    return {name: given[name] for name in ("type", "reason") if given[name]} | place_named(given["where"])
