"""What would become of a message, under the rules as they are or under a draft of them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from services.router.api.explain import Explaining
from services.router.console.drafts import Draft
from services.router.console.explain_form import FIELDS, SCOPES, STREAMS, body_of, explained_of
from services.router.console.overview import PATH, SCOPE
from services.router.console.rule_pages import RuleTexts, text_in
from services.router.console.wording import names_of
from shared.console.console import Console
from shared.console.forms import Form, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

EXPLAIN = f"{PATH}/explain"
USUAL = {**dict.fromkeys(FIELDS, ""), "stream": "product", "scope": "transport"}


def explain_pages(console: Console, explaining: Explaining, texts: RuleTexts) -> APIRouter:
    """By its URL for what is active, so that it can be passed on; a draft comes as a form."""
    router = console.router()
    allowed, acting = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def answered(
        request: Request, visitor: Visitor, fields: Mapping[str, str], draft: Draft | None = None
    ) -> Response:
        workspace_id, form, decision = visitor.workspace_id, Form({**USUAL, **said(fields)}), None
        if (fields["from"] or fields["to"]) and (draft is None or draft.plan is not None):
            try:
                body = body_of(fields, draft.rules if draft else None)
                decision = explained_of(await explaining.decide(workspace_id, body, shared=False))
            except ProblemError as problem:
                form = refused(form.given, problem)
        status = 422 if draft and draft.faults else form.status
        shown = {"form": form, "decision": decision, "draft": draft, "streams": STREAMS, "scopes": SCOPES}
        names = names_of((await texts.present(workspace_id)).visible)
        return console.pages.show(request, visitor, "explain.html", status, **shown, names=names)

    @router.get(EXPLAIN)
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        query = {name: request.query_params.get(name, "").strip() for name in FIELDS}
        return await answered(request, visitor, query)

    @router.post(EXPLAIN)
    async def ask_of_draft(request: Request, visitor: Visitor = acting) -> Response:
        draft = await texts.read(await text_in(request), await texts.present(visitor.workspace_id))
        return await answered(request, visitor, await read_form(request, *FIELDS), draft)

    return router


def said(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
