"""The audit log of the workspace: who changed what, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.ingest.api.audit import SCOPE, AuditListing, AuditReader
from services.ingest.console.audit_words import ACTIONS, link_of, told
from shared.console.console import Console
from shared.console.forms import Form, as_body, moment_of, refused
from shared.console.gate import Visitor
from shared.contracts.entities import Kind
from shared.errors import ProblemError
from shared.mongo.entities import Entities
from shared.service import Base

PATH = "/console/workspace/audit"
FILTERS = ("action", "object_id", "actor_id", "from", "to")
SHOWN = 50
NAMED = (Kind.API_KEY, Kind.SMTP_CREDENTIAL, Kind.DOMAIN, Kind.SENDER, Kind.TEMPLATE)
NOTHING: dict[str, Any] = {"data": [], "next_cursor": None}


def audit_pages(console: Console, base: Base, reader: AuditReader) -> APIRouter:
    """To be added before other pages below the workspace's."""
    router = console.router()

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        query = request.query_params
        given = {name: query.get(name, "").strip() for name in FILTERS}
        form, found = Form(given), NOTHING
        try:
            found = await reader.page(visitor.workspace_id, listing_of(given, query.get("cursor")))
        except ProblemError as problem:
            form = refused(given, problem)
        names = await names_of(base.entities, visitor.workspace_id, found["data"])
        asked = {name: value for name, value in given.items() if value}
        more = found["next_cursor"]
        return console.pages.show(
            request,
            visitor,
            "audit.html",
            form.status,
            entries=[shown(entry, names) for entry in found["data"]],
            form=form,
            actions=ACTIONS,
            searched=bool(asked),
            next_url=f"{PATH}?{urlencode({**asked, 'cursor': more})}" if more else None,
            newest_url=f"{PATH}?{urlencode(asked)}" if query.get("cursor") else None,
        )

    return router


def listing_of(given: Mapping[str, str], cursor: str | None) -> AuditListing:
    """The page of the log that the filters ask for. Raises a 422 problem."""
    asked = {name: moment_of(value) if name in ("from", "to") else value for name, value in given.items() if value}
    return as_body(AuditListing, {**asked, "limit": SHOWN, **({"cursor": cursor} if cursor else {})})


@dataclass(frozen=True, slots=True)
class Named:
    """What something is called, and whether it is there still."""

    name: str
    living: bool


async def names_of(entities: Entities, workspace_id: str, entries: Iterable[Mapping[str, Any]]) -> dict[str, Named]:
    """What those are called, by id, that the entries tell of: of keys that changed something, and of what was changed.

    What was deleted since has its name still, where it is kept.
    """
    wanted: dict[Kind, set[str]] = {}
    for entry in entries:
        if entry["actor"]["kind"] == "api_key" and entry["actor"]["id"]:
            wanted.setdefault(Kind.API_KEY, set()).add(entry["actor"]["id"])
        for kind in NAMED:
            if entry["object"]["kind"] == kind.value.removesuffix("s"):
                wanted.setdefault(kind, set()).add(entry["object"]["id"])
    names: dict[str, Named] = {}
    for kind, ids in wanted.items():
        for entity in await entities.of_ids(kind, workspace_id, sorted(ids)):
            name = str(entity.data.get("address" if kind is Kind.SENDER else "name") or "")
            names[entity.id] = Named(name or entity.id, not entity.deleted)
    return names


def shown(entry: Mapping[str, Any], names: Mapping[str, Named]) -> dict[str, Any]:
    """An entry as the page shows it."""
    actor, changed = entry["actor"], entry["object"]
    by, to = names.get(actor["id"] or ""), names.get(changed["id"])
    return {
        "at": entry["at"],
        "what": told(entry["action"]),
        "fields": entry["fields"],
        "who": by.name if by else actor["id"] or actor["kind"],
        "actor": actor,
        "object": None if changed["kind"] == "workspace" else to.name if to else changed["id"],
        "url": link_of(changed["kind"], changed["id"]) if to and to.living else None,
    }
