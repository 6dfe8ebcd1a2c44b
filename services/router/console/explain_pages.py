"""What would become of a message, under the rules as they are or under a draft of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.explain import Explaining
from services.router.console.drafts import Draft
from services.router.console.explain_form import FIELDS, SCOPES, STREAMS, Explained, body_of, explained_of
from services.router.console.forms import faults_by_field, fields_of, given
from services.router.console.overview import PATH, SCOPE
from services.router.console.rule_pages import RuleTexts
from services.router.console.wording import names_of
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.errors import ProblemError

EXPLAIN = f"{PATH}/explain"


def explain_pages(console: Console, explaining: Explaining, texts: RuleTexts) -> APIRouter:
    """By its URL for what is active, so that it can be passed on; a draft comes as a form."""
    router = console.router()
    allowed, acting = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def answered(
        request: Request, visitor: Visitor, fields: Mapping[str, str], draft: Draft | None = None
    ) -> Response:
        workspace_id = visitor.workspace_id
        decision, problem = None, None
        asked = "from" in fields or "to" in fields
        if asked and (draft is None or draft.plan is not None):
            try:
                body = body_of(fields, draft.rules if draft else None)
                decision = explained_of(await explaining.decide(workspace_id, body, shared=False))
            except ProblemError as error:
                if error.status != 422:
                    raise
                problem = error
        status = 422 if problem or (draft and draft.faults) else 200
        shown = _shown(fields, decision, problem, draft)
        names = names_of((await texts.present(workspace_id)).visible)
        return console.pages.show(request, visitor, "explain.html", status, **shown, names=names)

    @router.get(EXPLAIN)
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        return await answered(request, visitor, given(request.query_params))

    @router.post(EXPLAIN)
    async def ask_of_draft(request: Request, visitor: Visitor = acting) -> Response:
        form = await fields_of(request)
        draft = await texts.read(form.get("draft", ""), await texts.present(visitor.workspace_id))
        return await answered(request, visitor, given(form), draft)

    return router


def _shown(
    fields: Mapping[str, str], decision: Explained | None, problem: ProblemError | None, draft: Draft | None
) -> dict[str, Any]:
    usual = {**dict.fromkeys(FIELDS, ""), "stream": "product", "scope": "transport"}
    return {
        "fields": {**usual, **fields},
        "faults": faults_by_field(problem) if problem else {},
        "decision": decision,
        "draft": draft,
        "streams": STREAMS,
        "scopes": SCOPES,
    }
