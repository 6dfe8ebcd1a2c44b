"""The editor of a template: what it says, what that becomes, its versions."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Author, Changes, actor_of
from services.ingest.api.object_body import fitting
from services.ingest.api.template_changes import changed, created, deleted, found
from services.ingest.api.template_schemas import TemplateBody, TemplateChanges
from services.ingest.api.templates import FEATURE, SCOPE
from services.ingest.console.template_form import TYPES, body_of, changes_of, filled, given_by
from services.ingest.console.template_list import PATH
from services.ingest.console.template_trial import shown_of
from services.ingest.templates.template import Template
from services.ingest.templates.templates import Templates
from shared.console.console import Console
from shared.console.forms import Form, number_of, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

OF_A_TEMPLATE = f"{PATH}/{{id}}"
VERSIONS_SHOWN = 20


class TemplateEditor:
    """The page with a template's form; `template` None is a new one's."""

    def __init__(self, console: Console, templates: Templates) -> None:
        self._pages = console.pages
        self._templates = templates

    async def found(self, visitor: Visitor, id_: str, version: int | None = None) -> Template:
        """Raises a 403 problem where the workspace has no templates, or a 404 one."""
        visitor.principal.require_feature(FEATURE)
        return found(await self._templates.read(visitor.workspace_id, id_.lower(), version))

    async def show(
        self, request: Request, visitor: Visitor, template: Template | None, form: Form, version: int | None = None
    ) -> Response:
        """`version` is the one that stands in the form, where that is not the newest."""
        before = number_of(request.query_params.get("before", ""))
        versions: list[Template] = []
        if template is not None:
            at = before if isinstance(before, int) else None
            read = await self._templates.versions(visitor.workspace_id, template.id, at, VERSIONS_SHOWN + 1)
            versions = read or []
        more = versions[VERSIONS_SHOWN - 1].version if len(versions) > VERSIONS_SHOWN else None
        return self._pages.show(
            request,
            visitor,
            "template.html",
            form.status,
            kept=template,
            live=False,
            form=form,
            types=TYPES,
            version=version,
            versions=versions[:VERSIONS_SHOWN],
            older_url=f"{PATH}/{template.id}?before={more}#versions" if template and more else None,
            newest_url=f"{PATH}/{template.id}#versions" if template and before else None,
            **shown_of(visitor.principal, form.given),
        )


def template_pages(
    console: Console, base: Base, editor: TemplateEditor, templates: Templates, changes: Changes
) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    def author(request: Request, visitor: Visitor) -> Author:
        return Author(changes, actor_of(base.authenticator, request, visitor.principal))

    @router.get(f"{PATH}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        visitor.principal.require_feature(FEATURE)
        return await editor.show(request, visitor, None, Form(filled(None, owner_of(visitor))))

    @router.get(OF_A_TEMPLATE)
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        template = await editor.found(visitor, id)
        asked = number_of(request.query_params.get("version", ""))
        if not isinstance(asked, int) or asked == template.version:
            return await editor.show(request, visitor, template, Form(filled(template, owner_of(visitor))))
        earlier = await editor.found(visitor, id, asked)
        return await editor.show(request, visitor, template, Form(filled(earlier, owner_of(visitor))), asked)

    @router.post(PATH)
    async def make(request: Request, visitor: Visitor = may_change) -> Response:
        visitor.principal.require_feature(FEATURE)
        given = await given_by(request)
        try:
            fields, faults = fitting(body_of(given), TemplateBody)
            made = await created(templates, author(request, visitor), visitor.principal, fields, faults)
        except ProblemError as problem:
            return await editor.show(request, visitor, None, refused(given, problem))
        return pages.go(f"{PATH}/{made.id}", "Made. Its id names it in what you send.")

    @router.post(OF_A_TEMPLATE)
    async def save(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        template, given = await editor.found(visitor, id), await given_by(request)
        try:
            visitor.principal.require_content()
            fields, faults = fitting(changes_of(template, given), TemplateChanges)
            kept = await changed(templates, author(request, visitor), visitor.principal, template.id, fields, faults)
        except ProblemError as problem:
            return await editor.show(request, visitor, template, refused(given, problem))
        same = kept.version == template.version
        return pages.go(f"{PATH}/{kept.id}", "Nothing to save." if same else f"Saved as version {kept.version}.")

    @router.post(f"{OF_A_TEMPLATE}/versions/{{version}}/restoration")
    async def restore(request: Request, id: str, version: int, visitor: Visitor = may_change) -> Response:
        template, earlier = await editor.found(visitor, id), await editor.found(visitor, id, version)
        visitor.principal.require_content()
        fields, faults = fitting(changes_of(template, filled(earlier)), TemplateChanges)
        kept = await changed(templates, author(request, visitor), visitor.principal, template.id, fields, faults)
        return pages.go(f"{PATH}/{kept.id}", f"Restored version {version}, as version {kept.version}.")

    @router.post(f"{OF_A_TEMPLATE}/deletion")
    async def delete(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        template = await editor.found(visitor, id)
        await deleted(templates, author(request, visitor), visitor.workspace_id, template.id)
        return pages.go(PATH, f"Deleted {template.name}, with all its versions.")

    return router


def owner_of(visitor: Visitor) -> str:
    """Whom a test goes to unless another address is given."""
    return visitor.principal.workspace.owner_email
