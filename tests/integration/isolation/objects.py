"""One object of every kind that a workspace may have, made as its owner makes them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.links import Link, Links
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message, a_route
from tests.integration.ingest.read_model import project
from tests.integration.isolation.asking import Values
from tests.integration.isolation.tenant import Tenant
from tests.integration.isolation.webhooks import make_deliveries
from tests.integration.sender.queue_world import waiting

TARGET = "https://shop.test/offer"
LISTS = {
    "emails": "/v1/emails",
    "templates": "/v1/templates",
    "keys": "/v1/api-keys",
    "credentials": "/v1/smtp-credentials",
    "audit": "/v1/audit",
    "transports": "/v1/transports",
    "erasures": "/v1/erasures",
    "webhooks": "/v1/webhooks",
    "queued": "/v1/queue/messages",
    "destinations": "/v1/queue/destinations",
    "holds": "/v1/queue/holds",
    "jobs": "/v1/queue/jobs",
}


class Maker:
    """Makes the objects of one workspace through the API."""

    def __init__(self, http: httpx.AsyncClient, deployment: Deployment, tenant: Tenant) -> None:
        self._http = http
        self._deployment = deployment
        self._tenant = tenant
        self._headers = {"Authorization": f"Bearer {tenant.key}"}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        reply = await self._http.request(method, path, json=body, headers=self._headers | headers)
        assert reply.is_success, f"{method} {path}: {reply.text}"
        return orjson.loads(reply.content) if reply.content else None

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        return await self.call("POST", path, body, **headers)

    async def make_all(self, domain: str, domain_name: str) -> Values:
        values = {"workspace": self._tenant.workspace, "domain": domain, "domain_name": domain_name, "version": "1"}
        values["sender"] = f"billing@{domain_name}"
        values |= await self._people(domain, domain_name)
        values |= await self._configuration()
        for path in ("/v1/api-keys", "/v1/smtp-credentials"):  # a page of one has another behind it
            await self.post(path, {"name": "another"} | ({"scopes": ["keys"]} if "keys" in path else {}))
        values |= await self._mail(values)
        values |= await make_deliveries(self, self._deployment, self._tenant, values)
        values |= await self._queue(values)
        return values | {f"{name}_cursor": await self.cursor(path) for name, path in LISTS.items()}

    async def _people(self, domain: str, domain_name: str) -> dict[str, str]:
        secret = self._tenant.secret
        contact = {"attributes": {"email": f"ann-{secret}@example.test", "first_name": secret}, "subscribed": False}
        made = (await self.post("/v1/contacts", contact))["data"]["uuid"]
        event = f"bought-{secret}"
        await self.post(f"/v1/contacts/{made}/events", {"event_name": event, "attributes": {"plan": secret}})
        field_name = f"field_{secret}"
        declared = await self.post("/v1/fields", {"name": field_name, "type": "text"})
        address = {
            "address": "billing",
            "display_name": secret,
            "reply_to": f"help@{domain_name}",
            "company_address": secret,
            **{f"company_{part}": "NY" for part in ("city", "state", "zip", "country")},
        }
        sender = (await self.post(f"/v1/domains/{domain}/addresses", address))["data"]
        spare = {"attributes": {"email": f"bob-{secret}@example.test"}}
        await self.post("/v1/contacts", spare)
        return {
            "contact": made,
            "contact_email": f"ann-{secret}@example.test",
            "other_contact_email": f"bob-{secret}@example.test",
            "event_name": event,
            "field": declared["data"]["uuid"],
            "field_name": field_name,
            "address": sender["uuid"],
        }

    async def _configuration(self) -> dict[str, str]:
        secret = self._tenant.secret
        made: dict[str, Any] = {}
        for type_, name in (("transactional", "template"), ("marketing", "marketing")):
            body = {"name": secret, "type": type_, "subject": secret, "text": f"{secret} {{{{code}}}}"}
            made[name] = (await self.post("/v1/templates", body))["id"]
        made["key"] = (await self.post("/v1/api-keys", {"name": secret, "scopes": ["keys"]}))["id"]
        made["credential"] = (await self.post("/v1/smtp-credentials", {"name": secret}))["id"]
        for name in ("transport", "routed_transport"):
            host = {"name": secret, "kind": "smarthost", "host": f"{secret}.example.test"}
            made[name] = (await self.post("/v1/transports", host))["id"]
        await self.call("PUT", "/v1/routes/default", {"transports": [made["routed_transport"]]})
        rule = {"id": f"rule-{secret}", "when": {"tags": [secret]}, "hold": {"reason": secret}}
        made["rule"] = (await self.post("/v1/routes/rules", rule))["id"]
        for name in ("spare", "suppressed"):
            made[name] = f"{name}-{secret}@example.test"
            entry = await self.post("/v1/suppressions", {"email": made[name], "reason": secret})
            made["suppression"] = entry["data"]["uuid"]
        made["unsuppressed"] = f"unsuppressed-{secret}@example.test"
        entry = await self.post("/v1/suppressions", {"email": made["unsuppressed"]})
        await self.call("DELETE", f"/v1/suppressions/{entry['data']['uuid']}?reason={secret}")
        for name in ("spare", "other"):
            made["erasure"] = (await self.post("/v1/erasures", {"email": f"{name}@{secret}.test"}))["id"]
        for name in ("spare_webhook", "webhook"):
            made[name] = (await self.post("/v1/webhooks", {"url": f"http://127.0.0.1:1/{secret}"}))["id"]
        return made

    async def _mail(self, values: Values) -> dict[str, str]:
        secret = self._tenant.secret
        file = {"filename": f"{secret}.txt", "content": base64.b64encode(secret.encode()).decode()}
        mail = {"from": values["sender"], "to": [f"carl-{secret}@example.test"], "subject": secret, "text": secret}
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        ids = {}
        for name, more in (
            ("message", {"attachments": [file], "tags": [f"tag-{secret}"], "html": f"<p>{secret}</p>"}),
            ("scheduled", {"scheduled_at": later}),
            ("pending", {}),
            ("waiting", {}),
        ):
            headers = {"Idempotency-Key": f"{name}-{secret}"}
            ids[name] = (await self.post("/v1/emails", mail | more, **headers))["data"]["messages"][0]["uuid"]
            await self._tell(ids[name], *((EventType.DELIVERED, EventType.OPENED) if name == "message" else ()))
        content = await self.call("GET", f"/v1/emails/{ids['message']}/content")
        await self.call("PATCH", f"/v1/workspaces/{values['workspace']}", {"default_sender": values["sender"]})
        broadcast = {"to": f"dora-{secret}@example.test", "subject": secret, "body": secret}
        number = (await self.post("/api/v1/transactionals.json", broadcast))["id"]
        plunk = {"to": f"emil-{secret}@example.test", "subject": secret, "body": secret}
        await self.post("/v1/send", plunk, **{"Idempotency-Key": f"plunk-{secret}"})
        return {
            **ids,
            **self.links(self._deployment.shared.token_key_bytes, values["workspace"], ids["message"]),
            "recipient": f"carl-{secret}@example.test",
            "tag": f"tag-{secret}",
            **{f"{name}_key": f"{name}-{secret}" for name in (*ids, "plunk")},
            "attachment": content["attachments"][0]["id"],
            "number": str(number),
        }

    async def _queue(self, values: Values) -> dict[str, str]:
        """Messages that wait in the sender, holds and jobs."""
        domain, rollup = f"q{self._tenant.secret}.example", f"mx:{self._tenant.secret}"
        queued = [
            a_message(f"ann@{domain}", workspace_id=self._tenant.workspace, route=a_route(values["transport"], each))
            for each in (rollup, f"{rollup}2")
        ]
        await self._deployment.database("sender")["deliveries"].insert_many([waiting(each) for each in queued])
        jobs = [await self.post("/v1/queue/hold", {"domain": domain, "reason": domain}) for _ in range(2)]
        return {
            "queued": queued[0].message_id,
            "queued_domain": domain,
            "queued_rollup": rollup,
            "hold": jobs[0]["holds"][0],
            "job": jobs[1]["id"],
        }

    async def _tell(self, message_id: str, *types: EventType) -> None:
        """What the read model hears of a message."""
        found = await self._deployment.database("ingest")["submissions"].find_one({"messages.id": message_id})
        assert found is not None
        message = Message.decode(bytes(found["messages"][0]["record"]))
        now = datetime.now(UTC)
        await project(self._deployment, *(event_of(message, type_, now) for type_ in types or (EventType.QUEUED,)))

    @staticmethod
    def links(key: bytes, workspace: str, message: str) -> dict[str, str]:
        """The parts of a message's links."""
        made = {}
        for kind in ("open", "click", "unsubscribe"):
            link = Link(kind=kind, url=TARGET) if kind == "click" else Link(kind=kind)
            url = Links(key).url("", link, workspace, message)
            made[f"{kind}_token"], _, target = url.split("/", 3 if kind != "unsubscribe" else 2)[-1].partition("/")
            if kind == "click":
                made["click_target"] = target
        return made

    async def cursor(self, path: str) -> str:
        cursor = (await self.call("GET", f"{path}?limit=1"))["next_cursor"]
        assert cursor, path
        return str(cursor)
