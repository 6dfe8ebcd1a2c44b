"""An error that nobody expected is answered as every other one."""

from __future__ import annotations

import httpx
from fastapi import APIRouter

from shared.api import create_api


async def test_a_reply_to_an_error_of_ours_has_the_requests_id() -> None:
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    transport = httpx.ASGITransport(create_api([router]), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://posthorn") as http:
        reply = await http.get("/broken", headers={"X-Request-Id": "request-7"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (500, "request-7")
    assert reply.json()["request_id"] == "request-7"
