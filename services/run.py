"""`posthorn run SERVICE[:ROLE,…] …`: any set of services and roles in one process."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import AsyncExitStack, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import structlog
import uvicorn
import uvloop
from fastapi import FastAPI, Response
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from pymongo.errors import PyMongoError

from services.roles import parse_spec
from shared.api import Api, create_api
from shared.failpoints import failpoints
from shared.service import Service
from shared.settings import SharedSettings
from shared.telemetry.logging import setup_logging

READY_TIMEOUT = 2.0
GC_THRESHOLD = 20_000  # objects more than when it last looked
log = structlog.get_logger(__name__)


def compose(specs: list[str]) -> list[tuple[Service, frozenset[str]]]:
    """Creates each service with the settings of its own, read from the environment."""
    composed = []
    for name, roles in map(parse_spec, specs):
        settings = import_module(f"services.{name}.settings").Settings()
        composed.append((import_module(f"services.{name}.app").create_app(settings, roles), roles))
    return composed


def api_of(composed: list[tuple[Service, frozenset[str]]], settings: SharedSettings) -> Api | None:
    """One API of all `http` roles, None where there is none."""
    routers = [router for service, roles in composed if "http" in roles for router in service.routers]
    return create_api(routers, public_url=settings.public_url) if routers else None


def describe_from(file: Path, api: Api) -> None:
    """Has the API serve the document in a file, of more services than run here. Raises OSError or ValueError."""
    api.openapi_schema = orjson.loads(file.read_bytes())


def health_app(services: list[Service], stopping: asyncio.Event) -> FastAPI:
    """`/livez` (the loop turns), `/readyz` (this process can do its work) and `/metrics` (OpenMetrics)."""
    app = FastAPI(openapi_url=None)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        asked = not stopping.is_set()
        states = {service.name: asked and await _is_ready(service) for service in services}
        ready = asked and all(states.values()) and not stopping.is_set()
        response.status_code = 200 if ready else 503
        return {"status": "ready" if ready else "not ready", "services": states}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)  # type: ignore[no-untyped-call]

    return app


async def _is_ready(service: Service) -> bool:
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            return await service.ready()
    except (PyMongoError, TimeoutError):
        return False


async def serve(specs: list[str]) -> None:
    """Runs until SIGTERM or SIGINT; then readiness goes first, the API next, the roles after it and health last."""
    settings = SharedSettings()
    setup_logging("+".join(sorted({spec.partition(":")[0] for spec in specs})), settings.log_level)
    failpoints.announce()
    composed = compose(specs)
    services = [service for service, _ in composed]
    api = api_of(composed, settings)
    if api is not None and settings.openapi_file is not None:
        describe_from(settings.openapi_file, api)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    health = _server(health_app(services, stopping), settings.health_host, settings.health_port)
    serving: list[asyncio.Task[None]] = []
    try:
        async with AsyncExitStack() as stack:
            for service in services:
                await stack.enter_async_context(service.run())
            servers = [health]
            if api is not None:
                servers.append(_server(api, settings.http_host, settings.http_port))
            _spare_the_collector()
            serving += [asyncio.create_task(server.serve()) for server in servers]
            ended = asyncio.create_task(stopping.wait())
            await asyncio.wait([ended, *serving], return_when=asyncio.FIRST_COMPLETED)
            stopping.set()
            if api is not None:
                api.stopping.set()
            for server in servers[1:]:
                server.should_exit = True
            await asyncio.gather(*serving[1:], ended)
    finally:
        # what drains for minutes is alive meanwhile, and says that it is not ready
        health.should_exit = True
        await asyncio.gather(*serving[:1])
    log.info("stopped")


def _spare_the_collector() -> None:
    """What is there now stays: looking through it for cycles again and again took a tenth of a busy process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)


class _Server(uvicorn.Server):
    """Signals are ours: the services drain after the servers."""

    def capture_signals(self) -> Any:
        return nullcontext()


def _server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Whose word on the caller's address is believed is for `shared.client_address`: uvicorn would take anybody's who
    connects from the machine itself."""
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=10,
        server_header=False, proxy_headers=False,
    )  # fmt: skip
    return _Server(config)


def main(specs: list[str]) -> None:
    """Runs the process under uvloop."""
    uvloop.run(serve(specs))
