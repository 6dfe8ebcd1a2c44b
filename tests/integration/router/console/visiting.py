"""Visitors of the router's pages, and what there is to see."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx

from shared.contracts.entities import Kind, Transport
from tests.fixtures.console import VisitingClient, signed_in
from tests.integration.router.conftest import Router

ROUTING = "/console/routing"
TRANSPORTS = f"{ROUTING}/transports"
RULES = f"{ROUTING}/rules"
TEXT = re.compile(r"<textarea[^>]*>\n(.*?)</textarea>", re.DOTALL)


async def visit(router: Router, client: httpx.AsyncClient, *scopes: str, workspace: str = "w1") -> VisitingClient:
    """Somebody with a key of a workspace that has these scopes; all that the pages ask for where none is named."""
    header = await router.key(workspace, *(scopes or ("routing", "domains")))
    key = header["authorization"].removeprefix("Bearer ")
    return await signed_in(client, router.deployment.database("router"), router.settings, key)


async def transport(router: Router, id_: str, workspace: str | None = "w1", **fields: Any) -> str:
    """A transport as its owner's entity; a smart host unless it says otherwise."""
    made = Transport(**{"name": id_, "kind": "smarthost", "host": "relay.example", **fields})
    await router.entities.put(Kind.TRANSPORT, id_, workspace, made.model_dump(mode="json"))
    return id_


async def direct(router: Router) -> None:
    await transport(router, "direct", None, name="Direct", kind="direct", host=None)


async def rules(router: Router, *rules: dict[str, Any], order: list[str] | None = None, owner: str = "w1") -> None:
    """A set of rules as it is stored."""
    await router.entities.put(
        Kind.ROUTE, owner, None if owner == "platform" else owner, {"transports": order or [], "rules": list(rules)}
    )


def draft_in(reply: httpx.Response) -> str:
    """The text in a page's editor."""
    found = TEXT.search(reply.text)
    assert found is not None
    return unescape(found[1])
