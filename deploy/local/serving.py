"""How the local tools serve HTTP."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI


async def serve_http(app: FastAPI, host: str, port: int) -> None:
    """Serve `app` until SIGTERM or SIGINT, then let open requests end for at most a second."""
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    await uvicorn.Server(config).serve()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a tool's main coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
