"""Domains against real name servers: two resolvers that a test publishes at, and a workspace that may have domains."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from leadpush import AsyncLeadpush

from services.ingest.api.domain_schemas import AddressObject, DomainObject
from services.ingest.settings import Settings
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import NameServer, Says, name_server
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send

FEATURES = ["smtp.enabled", "domains.enabled"]
ADDRESS = {
    "address": "receipts",
    "display_name": "Acme Receipts",
    "reply_to": "help@acme.test",
    "company_address": "123 Main St",
    "company_city": "New York",
    "company_state": "NY",
    "company_zip": "10001",
    "company_country": "US",
}


@dataclass
class DomainWorld:
    """A client of the routes as one workspace, and the resolvers that are asked."""

    door: Door
    settings: Settings
    resolvers: tuple[NameServer, NameServer]
    workspace_id: str
    key: str

    async def call(self, method: str, path: str = "", key: str | None = None, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return await self.door.http.request(method, f"/v1/domains{path}", headers=headers, **request)

    async def data(self, method: str, path: str = "", **request: Any) -> dict[str, Any]:
        """The object of a call that succeeds, which has the shape that the API's description says."""
        reply = await self.call(method, path, **request)
        assert reply.status_code in (200, 201), reply.text
        data = dict(reply.json()["data"])
        described = AddressObject if "/addresses" in path else DomainObject
        described.model_validate(data)
        assert set(data) == set(described.model_fields)
        return data

    async def create(self, name: str = "shop.test", **body: Any) -> dict[str, Any]:
        return await self.data("POST", json={"name": name, **body})

    async def verify(self, domain: Mapping[str, Any]) -> dict[str, Any]:
        return await self.data("POST", f"/{domain['uuid']}/verification")

    def client(self, key: str | None = None) -> AsyncLeadpush:
        transport = httpx.ASGITransport(self.door.api)
        http = httpx.AsyncClient(transport=transport)
        return AsyncLeadpush(key or self.key, base_url="http://posthorn/v1", http_client=http)

    def publish(self, records: Iterable[Mapping[str, Any]], on: Iterable[int] = (0, 1)) -> None:
        """Publishes records of a domain's `dns` at the resolvers."""
        for record in records:
            for number in on:
                line = f"{record['name']}. 60 {record['type']} {_data(record)}"
                self.resolvers[number].says(record["name"], Says([line]))

    def everywhere(self, name: str, *answers: Says) -> None:
        for resolver in self.resolvers:
            resolver.says(name, *answers)

    def withdraw(self, name: str) -> None:
        for resolver in self.resolvers:
            resolver.script.pop(name, None)

    @property
    def entities(self) -> Entities:
        return Entities(self.door.deployment.database("ingest"))


def _data(record: Mapping[str, Any]) -> str:
    return split_text(record["value"]) if record["type"] == "TXT" else f"{record['value']}."


def split_text(text: str, size: int = 255) -> str:
    """A TXT record's strings as they are written in a zone (RFC 1035 section 5.1)."""
    return " ".join(f'"{text[start : start + size]}"' for start in range(0, len(text), size))


def records(domain: Mapping[str, Any], *purposes: str) -> list[dict[str, Any]]:
    return [record for record in domain["dns"] if record["purpose"] in purposes]


def states(domain: Mapping[str, Any]) -> dict[str, str]:
    return {key["selector"]: key["state"] for key in domain["dkim"]}


async def verified_domain(world: DomainWorld, name: str = "shop.test", **body: Any) -> dict[str, Any]:
    """A domain whose records are all published, looked at."""
    domain = await world.create(name, **body)
    world.publish(domain["dns"])
    verified = await world.verify(domain)
    assert verified["verified"], verified
    return verified


async def send_from(world: DomainWorld, address: str) -> int:
    """The status that a send from this address gets."""
    headers = {"Authorization": f"Bearer {world.key}"}
    return (await world.door.post(send(**{"from": address}), headers=headers)).status_code


async def edit(world: DomainWorld, uuid: str, **changes: Any) -> None:
    """Moves a domain's stored times into the past."""
    entity = await world.entities.get(Kind.DOMAIN, uuid)
    assert entity is not None
    await world.entities.put(Kind.DOMAIN, uuid, entity.workspace_id, {**entity.data, **changes})


@asynccontextmanager
async def domain_world(deployment: Deployment, **overrides: Any) -> AsyncIterator[DomainWorld]:
    async with name_server() as first, name_server() as second:
        given = {
            "domain_resolvers": [first.address, second.address],
            "public_url": "https://mail.posthorn.test",
            **overrides,
        }
        async with open_door(deployment, **given) as door:
            workspace, key = await make_workspace(door.workspaces, features=FEATURES)
            settings = deployment.settings(Settings, **given)
            yield DomainWorld(door, settings, (first, second), workspace.id, key)
