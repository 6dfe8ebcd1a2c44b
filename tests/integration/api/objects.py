"""Objects for operations whose paths name one: made through the API as its callers make them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

LATER = (datetime.now(UTC) + timedelta(days=30)).isoformat()
SEND = {"from": "alerts@acme.example", "to": ["later@example.test"], "subject": "Later", "text": "…"}


class Objects:
    """`of(kind)` is the id of one that is there; a `fresh` one is nobody else's, and may be destroyed."""

    def __init__(self, platform: dict[str, Any]) -> None:
        self._platform = platform
        self._http = httpx.Client(base_url=platform["url"], timeout=30)
        self._numbers = itertools.count()
        self._known: dict[str, str] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "message": lambda: str(platform["message"]),
            "scheduled": lambda: self._sent({**SEND, "scheduled_at": LATER}),
            "transactional": self._transactional,
            "domain": lambda: self._posted("/v1/domains", {"name": f"{self.unique()}.example"}),
            "key": lambda: self._posted("/v1/api-keys", {"name": "k", "scopes": ["email.send"]}),
            "credential": lambda: self._posted("/v1/smtp-credentials", {"name": "printer"}),
            "workspace": lambda: self._posted(
                "/v1/workspaces", {"name": "w", "owner_email": "o@acme.example"}, operator=True
            ),
            "contact": lambda: self._posted("/v1/contacts", {"attributes": {"email": f"{self.unique()}@example.test"}}),
            "field": lambda: self._posted("/v1/fields", {"name": f"f_{self.unique()}", "type": "text"}),
            "template": lambda: self._posted("/v1/templates", {"name": "t", "subject": "s", "text": "{{code}}"}),
            "transport": lambda: self._posted("/v1/transports", {"name": "t", "kind": "direct"}),
            "shared_transport": lambda: self._posted(
                "/v1/platform/transports", {"name": "t", "kind": "direct"}, operator=True
            ),
            "rule": lambda: self._rule("/v1/routes"),
            "platform_rule": lambda: self._rule("/v1/platform/routes", operator=True),
            "suppression": lambda: self._posted("/v1/suppressions", {"email": f"{self.unique()}@example.test"}),
            "platform_suppression": lambda: self._posted(
                "/v1/platform/suppressions", {"email": f"{self.unique()}@example.test"}, operator=True
            ),
            "person": lambda: "later@example.test",
            "erasure": lambda: self._posted("/v1/erasures", {"email": f"{self.unique()}@example.test"}),
            "platform_erasure": lambda: self._posted(
                "/v1/platform/erasures", {"email": f"{self.unique()}@example.test"}, operator=True
            ),
            "job": lambda: self._posted("/v1/queue/retry", {"domain": "example.test"}),
            "webhook": lambda: self._posted("/v1/webhooks", {"url": "https://example.com/hook"}),
        }

    def unique(self) -> str:
        return f"x{uuid4().hex[:8]}{next(self._numbers)}"

    def of(self, kind: str, *, fresh: bool = False) -> str:
        if fresh:
            return self._makers[kind]()
        if kind not in self._known:
            self._known[kind] = self._makers[kind]()
        return self._known[kind]

    def kept(self) -> list[str]:
        """The ids of those that are used more than once."""
        return list(self._known.values())

    def address_of(self, domain: str) -> str:
        """A fresh sender address of a domain."""
        company = dict.fromkeys(("address", "city", "state", "zip", "country"), "Acme")
        body = {
            "address": self.unique(),
            "display_name": "Acme",
            "reply_to": "help@acme.example",
            **{f"company_{name}": value for name, value in company.items()},
        }
        return self._posted(f"/v1/domains/{domain}/addresses", body)

    def _rule(self, path: str, *, operator: bool = False) -> str:
        """A fresh rule, one that leaves every other its messages. Those before it go where there may be no more: each
        was for one request."""
        body = {"id": self.unique(), "lane": "standard", "position": 0}
        reply = self._ask("POST", f"{path}/rules", body, operator=operator)
        if reply.status_code == 422 and reply.json()["errors"][0]["code"] == "too_many":
            assert self._ask("PUT", path, {"rules": []}, operator=operator).is_success
            reply = self._ask("POST", f"{path}/rules", body, operator=operator)
        assert reply.is_success, f"{path}: {reply.text}"
        return str(reply.json()["id"])

    def of_webhook(self, webhook: str, kind: str) -> str:
        """A fresh delivery, replay or back-fill of an endpoint."""
        path = f"/v1/webhooks/{webhook}"
        if kind == "delivery":
            return self._posted(f"{path}/test", {})
        return self._posted(f"{path}/{kind}", {"since": "2026-01-01T00:00:00Z"})

    def _sent(self, body: dict[str, Any]) -> str:
        return str(self._post("/v1/emails", body)["data"]["messages"][0]["uuid"])

    def _transactional(self) -> str:
        body = {"to": "user@example.test", "subject": "s", "body": "<p>…</p>"}
        return str(self._post("/api/v1/transactionals.json", body)["id"])

    def _posted(self, path: str, body: dict[str, Any], *, operator: bool = False) -> str:
        """The id of what a request made."""
        made = self._post(path, body, operator=operator)
        shown = made.get("data", made)
        return str(shown.get("uuid") or shown["id"])

    def _post(self, path: str, body: dict[str, Any], *, operator: bool = False) -> Any:
        reply = self._ask("POST", path, body, operator=operator)
        assert reply.is_success, f"{path}: {reply.text}"
        return reply.json()

    def _ask(self, method: str, path: str, body: dict[str, Any], *, operator: bool) -> httpx.Response:
        token = self._platform["operator" if operator else "key"]
        return self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
