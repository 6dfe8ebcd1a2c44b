"""A webhook receiver that keeps what it gets and misbehaves as the path asks, and a collector of traces (OTLP/HTTP).

`python -m deploy.local.receiver --port 8027`
"""

import asyncio
import gzip
import zlib
from typing import Annotated

import orjson
import typer
from fastapi import FastAPI, HTTPException, Request, Response
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from pydantic import BaseModel

from deploy.local.ports import HOST
from deploy.local.serving import run, serve_http
from deploy.local.trace_store import TraceStore
from deploy.local.webhook_inbox import WebhookInbox, verifies

PROTOBUF = "application/x-protobuf"


class Secret(BaseModel):
    """A Standard Webhooks secret, `whsec_` and base64."""

    secret: str


def create_app(keep: int = 20_000, keep_spans: int = 200_000) -> FastAPI:
    """A receiver that has got nothing yet."""
    app = FastAPI(title="Posthorn webhook receiver")
    inbox, traces = WebhookInbox(keep), TraceStore(keep_spans)

    @app.get("/readyz")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    _add_hooks(app, inbox)
    _add_traces(app, traces)
    return app


def _add_hooks(app: FastAPI, inbox: WebhookInbox) -> None:
    async def take(name: str, request: Request, status: int = 200, fail_first: int = 0) -> Response:
        number = inbox.count(name)
        status = 503 if number <= fail_first else status
        inbox.keep(name, number, dict(request.headers), await request.body(), status)
        return Response(status_code=status)

    @app.post("/hooks/{name}")
    async def accept(name: str, request: Request) -> Response:
        """Keeps the request and answers 200."""
        return await take(name, request)

    @app.post("/hooks/{name}/status/{code}")
    async def answer(name: str, code: int, request: Request) -> Response:
        """Keeps the request and answers `code`."""
        return await take(name, request, status=code)

    @app.post("/hooks/{name}/slow/{ms}")
    async def answer_late(name: str, ms: int, request: Request) -> Response:
        """Keeps the request and answers 200 after `ms` milliseconds."""
        response = await take(name, request)
        await asyncio.sleep(ms / 1000)
        return response

    @app.post("/hooks/{name}/fail-first/{n}")
    async def fail_first(name: str, n: int, request: Request) -> Response:
        """Keeps the request; answers 503 to the first `n` of this name, then 200."""
        return await take(name, request, fail_first=n)

    @app.get("/received")
    async def received(name: str | None = None, limit: int = 100) -> Response:
        """The requests kept, newest first."""
        return _json([each.as_json() for each in inbox.newest(name, limit)])

    @app.delete("/received", status_code=204)
    async def forget(name: str | None = None) -> None:
        """Forget the requests of one name, or of all."""
        inbox.clear(name)

    @app.put("/secrets/{name}", status_code=204)
    async def set_secret(name: str, secret: Secret) -> None:
        """Verify the requests of `name` with this secret from now on."""
        if verifies(secret.secret, {}, b"") is None:
            raise HTTPException(501, "the standardwebhooks library is not installed")
        inbox.secrets[name] = secret.secret


def _add_traces(app: FastAPI, traces: TraceStore) -> None:
    @app.post("/v1/traces")
    async def export(request: Request) -> Response:
        """OTLP/HTTP in protobuf, with gzip or plain."""
        body = await request.body()
        exported = ExportTraceServiceRequest()
        try:
            exported.ParseFromString(gzip.decompress(body) if request.headers.get("content-encoding") else body)
        except (DecodeError, OSError, EOFError, zlib.error) as error:
            raise HTTPException(400, f"not an OTLP export in protobuf: {error}") from error
        traces.add(exported)
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=PROTOBUF)

    @app.get("/traces")
    async def trace_ids() -> list[str]:
        """The ids of the traces kept, the latest last."""
        return traces.trace_ids()

    @app.get("/traces/{trace_id}")
    async def trace(trace_id: str) -> Response:
        """The spans of a trace in the order of their start; [] if none came."""
        return _json(traces.spans(trace_id))

    @app.delete("/traces", status_code=204)
    async def forget() -> None:
        traces.clear()


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def main(
    port: Annotated[int, typer.Option(help="where webhooks and traces are taken and shown")] = 8027,
    host: Annotated[str, typer.Option(help="address of the port")] = HOST,
    keep: Annotated[int, typer.Option(help="requests kept", envvar="POSTHORN_RECEIVER_KEEP")] = 20_000,
    keep_spans: Annotated[int, typer.Option(help="spans kept")] = 200_000,
) -> None:
    """Run the webhook receiver until it is told to stop."""
    run(serve_http(create_app(keep, keep_spans), host, port))


if __name__ == "__main__":
    typer.run(main)
