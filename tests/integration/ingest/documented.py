"""Requests whose every reply is held against the OpenAPI document: its status, its type and its schema."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema_rs

from shared.api import Api
from tests.integration.ingest.conftest import Door

OPERATOR = "operator-token-of-a-test"


class Asker:
    """Asks as one caller, from one address."""

    def __init__(self, door: Door, key: str, address: str = "203.0.113.9", **headers: str) -> None:
        self.door = door
        self.key = key
        self._headers = {"Authorization": f"Bearer {key}", **headers}
        transport = httpx.ASGITransport(door.api, raise_app_exceptions=False, client=(address, 4711))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://posthorn")

    async def ask(self, status: int, method: str, path: str, json: Any = None, **params: Any) -> Any:
        """The reply's JSON; fails where its status is another one, or not as documented."""
        reply = await self.reply(method, path, json, **params)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    async def reply(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        body = {} if json is None else {"json": json}
        reply = await self._http.request(method, path, headers=self._headers, params=params, **body)
        assert_documented(self.door.api, method, path, reply)
        return reply


def assert_documented(api: Api, method: str, path: str, reply: httpx.Response) -> None:
    document = api.openapi()
    operation = _operation(document, method, path)
    described = operation["responses"].get(str(reply.status_code))
    assert described is not None, f"{method} {path} documents no {reply.status_code}: {reply.text}"
    if not reply.content:
        assert "content" not in described
        return
    schema = described["content"][reply.headers["content-type"]]["schema"]
    problems = [
        str(error.message)
        for error in jsonschema_rs.validator_for(
            {**schema, "components": document.get("components", {})}, validate_formats=True
        ).iter_errors(reply.json())
    ]
    assert not problems, (method, path, problems, reply.text)


def _operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found = [
        (template.count("{"), operations[method.lower()])
        for template, operations in document["paths"].items()
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return min(found, key=lambda each: each[0])[1]  # type: ignore[no-any-return]
