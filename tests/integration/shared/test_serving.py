"""The server says who is at the other end of a connection, whatever its headers claim."""

from __future__ import annotations

import asyncio
import socket

import httpx
from fastapi import FastAPI, Request

from services.run import _server
from tests.fixtures.deployment import eventually


async def test_a_header_changes_no_peer_not_even_from_the_machine_itself() -> None:
    app = FastAPI()

    @app.get("/")
    async def peer(request: Request) -> str:
        return request.client.host if request.client else ""

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = _server(app, "127.0.0.1", port)
    serving = asyncio.create_task(server.serve())

    async def is_up() -> bool:
        return server.started

    await eventually(is_up)
    async with httpx.AsyncClient() as http:
        headers = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
        assert (await http.get(f"http://127.0.0.1:{port}/", headers=headers)).json() == "127.0.0.1"
    server.should_exit = True
    await serving
