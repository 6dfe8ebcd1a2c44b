"""Rules as text: checked, compared with what is active, replayed over past decisions, and applied."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import RuleSetBody
from services.router.api.replay import DecisionReplayBody, ReplayApi
from services.router.api.rule_sets import RuleSetApi, author_of
from services.router.api.transports import TransportApi
from services.router.console.drafts import ACTS, Draft, draft_of, refused, text_of
from services.router.console.overview import PATH, SCOPE
from services.router.console.replay_words import ASSUMED, PERIODS, TRUNCATED, said, verdict_of
from services.router.console.wording import names_of
from services.router.routes_command.present import Present
from shared.console.console import Console
from shared.console.forms import as_body, number_of, read_form
from shared.console.gate import Visitor
from shared.errors import ProblemError

RULES = f"{PATH}/rules"
CHOICES = [(name, words) for name, (words, _) in PERIODS.items()]


async def text_in(request: Request) -> str:
    """The draft that a form has, as it was typed."""
    return str((await request.form()).get("draft", ""))


class RuleTexts:
    """Drafts beside what is there."""

    def __init__(self, transports: TransportApi, rules: RuleSetApi, replays: ReplayApi) -> None:
        self._transports = transports
        self.rules = rules
        self._replays = replays

    async def present(self, workspace_id: str) -> Present:
        """What is active, as `posthorn routes` sees it."""
        visible = await self._transports.usable(workspace_id)
        return Present(tuple(visible), await self.rules.get(workspace_id), platform=False)

    async def read(self, text: str, present: Present) -> Draft:
        """A draft; a long one is read beside the event loop."""
        return await asyncio.to_thread(draft_of, text, present)

    async def replay(self, workspace_id: str, draft: Draft, period: str) -> dict[str, Any]:
        """Past decisions under a draft; raises a 429 or a 503 problem."""
        since = datetime.now(UTC) - PERIODS[period][1]
        return await self._replays.compare(workspace_id, DecisionReplayBody(since=since, draft=draft.rules))


def rule_pages(console: Console, texts: RuleTexts) -> APIRouter:
    router = console.router()
    allowed, acting = console.gate.page(SCOPE), console.gate.action(SCOPE)

    def show(
        request: Request, visitor: Visitor, draft: Draft, present: Present, status: int = 200, **found: Any
    ) -> Response:
        base = {"version": present.rules["version"], "checked": False, "replay": None, "fault": None, "period": "day"}
        names = names_of(present.visible)
        shown = {**base, **found, "draft": draft, "periods": CHOICES, "acts": ACTS}
        if shown["replay"] is not None:
            shown |= {"verdict": verdict_of(shown["replay"]), "truncated": TRUNCATED, "assumed": ASSUMED}
        return console.pages.show(
            request, visitor, "rules.html", status, **shown, said=lambda outcome: said(outcome, names)
        )

    @router.get(RULES)
    async def edit(request: Request, visitor: Visitor = allowed) -> Response:
        present = await texts.present(visitor.workspace_id)
        return show(request, visitor, Draft(text_of(present)), present)

    @router.post(RULES)
    async def act(request: Request, visitor: Visitor = acting) -> Response:
        """Checks, replays or applies a draft, as its button says."""
        form, workspace_id = await read_form(request, "do", "version", "period"), visitor.workspace_id
        present = await texts.present(workspace_id)
        draft = await texts.read(await text_in(request), present)
        period = form["period"] if form["period"] in PERIODS else "day"
        if draft.plan is None:
            return show(request, visitor, draft, present, 422, period=period)
        try:
            if form["do"] == "replay":
                found = await texts.replay(workspace_id, draft, period)
                return show(request, visitor, draft, present, checked=True, replay=found, period=period)
            if form["do"] == "apply" and draft.plan.changes:
                version = number_of(form["version"] or "none")
                body = as_body(RuleSetBody, {**draft.plan.draft, "version": version})
                set_ = await texts.rules.put(workspace_id, body, author_of(visitor.principal))
                return console.pages.go(PATH, f"The rules are applied, as version {set_['version']}.")
        except ProblemError as problem:
            if problem.status == 422:
                return show(request, visitor, refused(draft, problem), present, 422, period=period)
            return show(request, visitor, draft, present, problem.status, checked=True, fault=problem, period=period)
        return show(request, visitor, draft, present, checked=True, period=period)

    return router
