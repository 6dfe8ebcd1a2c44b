"""Requests to `/v1/contacts`, and what stands in the database after them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.integration.ingest.conftest import Door

ANN = {"attributes": {"email": "ann@example.test", "first_name": "Ann"}}


async def ask(tenant: Door, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {tenant.key if key is None else key}"}
    return await tenant.http.request(method, f"/v1/contacts{path}", headers=headers, json=body)


async def stored(tenant: Door) -> list[dict[str, Any]]:
    return await kept(tenant, "contacts", workspace_id=tenant.workspace.id)


async def kept(tenant: Door, collection: str, **condition: str) -> list[dict[str, Any]]:
    return await tenant.deployment.database("ingest")[collection].find(condition).sort("_id", 1).to_list(None)


def faults(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 422, reply.text
    return {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}
