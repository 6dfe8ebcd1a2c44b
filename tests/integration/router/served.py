"""An API on a port, and the `posthorn` command as somebody far away uses it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import typer
import uvicorn
from typer.testing import CliRunner

from services.router.commands import register
from tests.fixtures.deployment import eventually

ROOT = typer.Typer()
register(ROOT)
OPERATOR_TOKEN = "operator-token-of-a-test"


class Command:
    """`posthorn routes` with a workspace's key, or the operator's token where it is asked about the platform."""

    def __init__(self, url: str, key: dict[str, str], home: Path) -> None:
        self._given = {
            "POSTHORN_PUBLIC_URL": url,
            "POSTHORN_API_KEY": key["authorization"].removeprefix("Bearer "), "POSTHORN_OPERATOR_TOKEN": OPERATOR_TOKEN,
            "POSTHORN_HOME": str(home), "COLUMNS": "250",
        }  # fmt: skip

    async def run(self, *arguments: str, typed: str = "", **variables: str | None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        kept = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        environment = {**kept, **self._given, **variables}
        ended = await asyncio.to_thread(
            CliRunner().invoke, ROOT, ["routes", *arguments], env=environment, input=typed
        )  # fmt: skip
        return ended.exit_code, ended.stdout, ended.stderr

    async def does(self, *arguments: str, code: int = 0, **variables: str | None) -> str:
        """Standard output of a command that ends so and complains of nothing."""
        ended, out, err = await self.run(*arguments, **variables)
        assert (ended, err) == (code, ""), out + err
        return out


@asynccontextmanager
async def served(client: httpx.AsyncClient) -> AsyncIterator[str]:
    """Where the API behind a client is, on a port of its own."""
    api = client._transport.app  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    try:
        await eventually(started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
