"""A workspace that looks lived in: a month of mail in the read model, some of this minute, something on every page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from shared.console.navigation import MENU
from tests.bench.filling import fill
from tests.e2e.account import Account
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of
from tests.screenshots.shop import requests

MONTH, MAIL, AT_ONCE = 100_000, 160, 10
EVENTS = ["email.delivered", "email.bounced", "email.complained"]
TEMPLATE = {
    "name": "Order shipped",
    "subject": "Your order {{number}} is on its way",
    "html": "<h1>Thank you, {{first_name ?? 'friend'}}</h1><p>Order <b>{{number}}</b> left our house today.</p>",
    "text": "Order {{number}} left our house today.",
}
ASKED = {"to": "ann@mail.example", "stream": "billing", "tags": "invoice"}
REMOVED = {"email": "back-again@mail.example", "reason": "manual"}

Paths = dict[str, str]


async def furnish(account: Account) -> Paths:
    """Fills the workspace; returns the path of every page by a name for its picture."""
    await asyncio.to_thread(fill, settings_of(account.stack.env), account.home["workspace"], MONTH, datetime.now(UTC))
    made = {**await _receivers(account), **await _routes(account), **await _contents(account)}
    bodies = list(requests(MAIL, account.sender))
    for start in range(0, len(bodies), AT_ONCE):
        together = bodies[start : start + AT_ONCE]
        replies = await asyncio.gather(*(account.http.post("/v1/emails", json=body) for body in together))
        assert all(reply.status_code == 202 for reply in replies)
    domain = account.sender.partition("@")[2]
    return {
        **{_name_of(entry.path): entry.path for entry in chain.from_iterable(group.entries for group in MENU)},
        **made,
        **await _suppressions(account),
        "message": f"/console/messages/{await _one(account, 'delivered')}",
        "message-bounced": f"/console/messages/{await _one(account, 'bounced')}",
        "message-deferred": f"/console/messages/{await _one(account, 'deferred')}",
        "messages-found": "/console/messages?recipient=ann.pers&status=delivered",
        "messages-none": "/console/messages?recipient=nobody@nowhere.example",
        "queue-destinations": "/console/queue/destinations",
        "queue-holds": "/console/queue/holds",
        "queue-jobs": "/console/queue/jobs",
        "domain": f"/console/domains/{domain}",
        "domain-new": "/console/domains/new",
        "domain-health": f"/console/routing/domains/{domain}/health",
        "key-new": "/console/keys/new",
        "smtp-new": "/console/keys/smtp/new",
        "audit": "/console/workspace/audit",
    }


async def _receivers(account: Account) -> Paths:
    made = [
        await account.make("/v1/webhooks", url=f"{account.home['receiver_url']}/hooks/{name}", events=EVENTS)
        for name in ("orders", "crm")
    ]
    of_one = f"/console/webhooks/{made[0]['id']}"
    parts = ("settings", "signing", "tasks", "replay")
    return {"webhook": of_one, **{f"webhook-{part}": f"{of_one}/{part}" for part in parts}}


async def _routes(account: Account) -> Paths:
    relay = await account.transport(account.stack.ports["sink_smtp"], "Relay in Frankfurt")
    by_relay = [[{"transport": relay["id"]}], [{"transport": "direct"}]]
    rules = [
        {"name": "Codes first", "when": {"tags": ["login", "password"]}, "lane": "critical"},
        {"name": "Invoices by the relay", "when": {"tags": ["invoice"]}, "route": by_relay},
        {
            "name": "The partner moves",
            "when": {"recipient_domains": ["partner.example"]},
            "hold": {"reason": "until May"},
        },
    ]
    reply = await account.http.put("/v1/routes", json={"transports": ["direct", relay["id"]], "rules": rules})
    assert reply.status_code == 200, reply.text
    await account.send("orders@partner.example", subject="Your order 10482 is on its way")
    return {
        "routing-rules": "/console/routing/rules",
        "routing-explain": f"/console/routing/explain?{urlencode(ASKED | {'from': account.sender})}",
        "transport": f"/console/routing/transports/{relay['id']}",
        "transport-new": "/console/routing/transports/new",
    }


async def _contents(account: Account) -> Paths:
    template = await account.make("/v1/templates", **TEMPLATE)
    for name in ("ann", "bo", "chidi"):
        contact = await account.make(
            "/v1/contacts", attributes={"email": f"{name}@mail.example", "first_name": name.title()}
        )
    return {
        "template": f"/console/templates/{template['id']}",
        "contact": f"/console/contacts/{contact['data']['uuid']}",
    }


async def _suppressions(account: Account) -> Paths:
    entry = (await account.make("/v1/suppressions", email="no-more@mail.example", reason="manual"))["data"]
    removed = (await account.make("/v1/suppressions", **REMOVED))["data"]
    (
        await account.http.delete(f"/v1/suppressions/{removed['uuid']}", params={"reason": "they asked"})
    ).raise_for_status()
    return {
        "suppression": f"/console/suppressions/{entry['uuid']}",
        **{
            f"suppression-{part}": f"/console/suppressions/{part}"
            for part in ("add", "imports", "erasures", "removals")
        },
    }


async def _one(account: Account, status: str) -> str:
    async def found() -> str | None:
        query: dict[str, Any] = {"status": status, "limit": 1}
        data = (await account.http.get("/v1/emails", params=query)).json()["data"]
        return data[0]["uuid"] if data else None

    return await eventually(found, seconds=60, what=f"a message that is {status}") or ""


def _name_of(path: str) -> str:
    return path.removeprefix("/console").strip("/") or "overview"
