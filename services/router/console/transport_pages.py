"""One transport: what it is and how it does; and the workspace's own ones made, changed and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import TransportChanges
from services.router.api.health import HealthApi
from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import TransportApi
from services.router.console.overview import PATH, SCOPE
from services.router.console.series import HOUR, RANGES
from services.router.console.transport_form import (
    FIELDS,
    KINDS,
    NEW,
    OF_BREAKER,
    PERIODS,
    TLS,
    breaker_change,
    changes_of,
    filled,
    new_transport,
)
from services.router.console.transport_health import TransportHealth
from services.router.routes.model import RuleSet, read_set
from shared.console.console import Console
from shared.console.forms import Form, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

TRANSPORTS = f"{PATH}/transports"
CHOICES: Mapping[str, Any] = {"kinds": KINDS, "tls": TLS}


def named_in(rules: RuleSet, id_: str) -> list[str]:
    """The names of the rules that a transport stands in, and of the failover order."""
    found = [rule.name or rule.id or "" for rule in rules.rules if any(each.transport == id_ for each in rule.targets)]
    return [*found, "the failover order"] if id_ in rules.transports else found


async def own(transports: TransportApi, visitor: Visitor, id_: str) -> Mapping[str, Any]:
    """A transport of the visitor's workspace; raises a 404 problem, or a 403 one for a shared one."""
    view = await transports.get(visitor.workspace_id, id_)
    if view["shared"]:
        raise ProblemError(403, "shared_transport", "Only the operator changes a shared transport.")
    return view


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a transport's form; the spaces around a password are a part of it."""
    fields = await read_form(request, *FIELDS, "kind")
    return {**fields, "password": str((await request.form()).get("password", ""))}


def transport_pages(
    console: Console, transports: TransportApi, rules: RuleSetApi, health: TransportHealth
) -> APIRouter:
    """What there is to see."""
    router = console.router()
    allowed = console.gate.page(SCOPE)

    @router.get(f"{TRANSPORTS}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        return _form(console, request, visitor, None, Form(NEW))

    @router.get(f"{TRANSPORTS}/{{id}}")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        return await _shown(console, request, visitor, id, transports, rules, health)

    @router.get(f"{TRANSPORTS}/{{id}}/edit")
    async def edit(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        view = await own(transports, visitor, id)
        return _form(console, request, visitor, view, Form(filled(view)))

    return router


def transport_actions(
    console: Console, transports: TransportApi, rules: RuleSetApi, health: TransportHealth, breakers: HealthApi
) -> APIRouter:
    """What can be done; what is refused is told on the page where it was asked for."""
    router = console.router()
    acting = console.gate.action(SCOPE)

    @router.post(TRANSPORTS)
    async def create(request: Request, visitor: Visitor = acting) -> Response:
        fields = await fields_of(request)
        try:
            made = await transports.create(visitor.workspace_id, new_transport(fields))
        except ProblemError as problem:
            return _form(console, request, visitor, None, refused(fields, problem))
        return console.pages.go(f"{TRANSPORTS}/{made['id']}", "Added. Name it in a rule or in the failover order.")

    @router.post(f"{TRANSPORTS}/{{id}}/edit")
    async def change(request: Request, id: str, visitor: Visitor = acting) -> Response:
        view, fields = await own(transports, visitor, id), await fields_of(request)
        try:
            await transports.change(visitor.workspace_id, id, changes_of(fields, view))
        except ProblemError as problem:
            return _form(console, request, visitor, view, refused(fields, problem))
        return console.pages.go(f"{TRANSPORTS}/{id}", "Changed.")

    @router.post(f"{TRANSPORTS}/{{id}}/enabled")
    async def enable(request: Request, id: str, visitor: Visitor = acting) -> Response:
        wanted = (await read_form(request, "enabled"))["enabled"] == "yes"
        await transports.change(visitor.workspace_id, id, TransportChanges(enabled=wanted))
        notice = "It takes mail again." if wanted else "Disabled: no route has it any more."
        return console.pages.go(f"{TRANSPORTS}/{id}", notice)

    @router.post(f"{TRANSPORTS}/{{id}}/delete")
    async def delete(request: Request, id: str, visitor: Visitor = acting) -> Response:
        try:
            await transports.delete(visitor.workspace_id, id)
        except ProblemError as problem:
            if problem.status != 409:
                raise
            return await _shown(console, request, visitor, id, transports, rules, health, refused({}, problem))
        return console.pages.go(PATH, "The transport is deleted.")

    @router.post(f"{TRANSPORTS}/{{id}}/breaker")
    async def change_breaker(request: Request, id: str, visitor: Visitor = acting) -> Response:
        fields = await read_form(request, *OF_BREAKER)
        try:
            changed = await breakers.change(visitor.workspace_id, id, breaker_change(fields))
        except ProblemError as problem:
            if problem.status not in (409, 422):
                raise
            return await _shown(console, request, visitor, id, transports, rules, health, refused(fields, problem))
        closed = changed["state"] == "closed"
        return console.pages.go(f"{TRANSPORTS}/{id}", "It takes mail again." if closed else "It is left alone.")

    return router


async def _shown(
    console: Console,
    request: Request,
    visitor: Visitor,
    id_: str,
    transports: TransportApi,
    rules: RuleSetApi,
    health: TransportHealth,
    form: Form | None = None,
) -> Response:
    """The page of a transport; with the form of what was asked for and refused."""
    workspace_id, query = visitor.workspace_id, request.query_params
    view = await transports.get(workspace_id, id_)
    told = await health.of(
        workspace_id, view, RANGES.get(query.get("range", ""), HOUR), query.get("towards", "").strip() or None
    )
    return console.pages.show(
        request, visitor, "transport.html", form.status if form else 200,
        view=view, told=told, named_in=named_in(read_set(await rules.get(workspace_id)), id_),
        ranges=[*RANGES.values()], tls_words=dict(TLS), periods=PERIODS,
        form=form or Form({}),
    )  # fmt: skip


def _form(
    console: Console,
    request: Request,
    visitor: Visitor,
    view: Mapping[str, Any] | None,
    form: Form,
) -> Response:
    """The form of a new transport, or of one that is there, as it was filled in; a password has to be given again."""
    return console.pages.show(request, visitor, "transport_form.html", form.status, view=view, form=form, **CHOICES)
