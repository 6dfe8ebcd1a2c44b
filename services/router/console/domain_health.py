"""How a sending domain does with its recipients: a part of the page of the domain, which another service renders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.health import HealthApi
from services.router.api.rule_sets import RuleSetApi
from services.router.console.overview import PATH
from services.router.console.series import WEEK, domain_charts, merged
from services.router.health.role import HealthRoom
from services.router.health.standing import Reputation
from shared.console.charts import per_cent
from shared.console.console import Console
from shared.console.gate import Visitor

DOMAINS = "domains"
STATES: Mapping[Reputation, tuple[str, str]] = {
    Reputation.GOOD: ("good", "Its reputation is good"),
    Reputation.WARNED: ("warn", "Its recipients complain too much"),
    Reputation.POOR: ("bad", "Its reputation is poor"),
}


def domain_health_pages(console: Console, health: HealthApi, rules: RuleSetApi, room: HealthRoom) -> APIRouter:
    router = console.router()
    allowed = console.gate.page(DOMAINS)

    @router.get(f"{PATH}/domains/{{domain}}/health")
    async def show(request: Request, domain: str, visitor: Visitor = allowed) -> Response:
        """A part of a page; without script a page of its own."""
        workspace_id, name, now = visitor.workspace_id, domain.lower(), datetime.now(UTC)
        seen = await health.sender(workspace_id, name)
        sent = await room.hours.over_time(workspace_id, WEEK.moments(now)[0], 6, domain=name)
        bounds = seen["thresholds"]
        shown: dict[str, Any] = {
            "domain": name,
            "seen": seen,
            "state": STATES[seen["reputation"]],
            "policy": policy_of(seen, (await rules.get(None))["quarantine"]),
            "charts": domain_charts(
                merged({each.at: each.counts} for each in sent), WEEK, now, bounds["warned"], bounds["poor"]
            ),
        }
        if "hx-request" in request.headers:
            return console.pages.fragment("domain_health.html", **shown)
        return console.pages.show(request, visitor, "domain_health_page.html", **shown)

    return router


def policy_of(seen: Mapping[str, Any], quarantine: Mapping[str, Any] | None) -> str:
    """What a domain's reputation means for its mail, and what to do about it."""
    bounds = seen["thresholds"]
    if seen["reputation"] is Reputation.GOOD:
        if seen["accepted"] < bounds["accepted"]:
            return f"There is too little mail to judge by: fewer than {bounds['accepted']} messages were accepted."
        return (
            f"Its recipients complain of no more than {per_cent(bounds['warned'])} of its mail, or fewer than "
            f"{bounds['complaints']} times in {seen['days']} days."
        )
    if seen["reputation"] is Reputation.WARNED:
        return (
            f"Above {per_cent(bounds['poor'])} it is poor. Stop what is sent to people who did not ask for it; the "
            f"numbers of {seen['days']} days ago leave by themselves."
        )
    if quarantine is None:
        means = "Its mail goes on as before"
    elif quarantine["hold"]:
        means = "Its mail on the standard lane is held until it gets better"
    else:
        means = "Its mail on the standard lane takes a pool of its own"
    return f"{means}; the critical lane goes on. Stop what is sent to people who did not ask for it."
