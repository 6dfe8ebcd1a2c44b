"""The webhook receiver and trace collector, with real signatures and a real exporter."""

import datetime
import gzip
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from standardwebhooks import Webhook

from deploy.local.processes import wait_until
from deploy.local.receiver import create_app
from deploy.local.trace_store import TraceStore
from tests.fixtures.local_tools import HOST, open_receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def receiver() -> AsyncIterator[httpx.AsyncClient]:
    async with open_receiver() as client:
        yield client


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a receiver in a thread of its own, for clients that block."""
    listener = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    assert wait_until(lambda: server.started, 10)
    yield f"http://{HOST}:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def signed(body: str) -> dict[str, str]:
    now = datetime.datetime.now(datetime.UTC)
    signature = Webhook(SECRET).sign("msg_1", now, body)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


async def test_verifies_signatures_once_it_has_the_secret(receiver: httpx.AsyncClient) -> None:
    body = json.dumps({"type": "email.delivered", "name": "Zoë"})
    await receiver.post("/hooks/a", content=body, headers=signed(body))
    assert (await receiver.put("/secrets/a", json={"secret": SECRET})).status_code == 204
    await receiver.post("/hooks/a", content=body, headers=signed(body))
    await receiver.post("/hooks/a", content=body + " ", headers=signed(body))
    await receiver.post("/hooks/a", content=body)
    received = (await receiver.get("/received", params={"name": "a"})).json()
    assert [each["verified"] for each in received] == [False, False, True, None]
    assert received[2]["json"]["name"] == "Zoë"
    assert received[2]["headers"]["webhook-id"] == "msg_1"
    assert received[1]["body"] == body + " "


async def test_paths_choose_the_answer(receiver: httpx.AsyncClient) -> None:
    assert (await receiver.post("/hooks/a")).status_code == 200
    assert (await receiver.post("/hooks/a/status/410")).status_code == 410
    answers = [(await receiver.post("/hooks/b/fail-first/2")).status_code for _ in range(4)]
    assert answers == [503, 503, 200, 200]
    began = datetime.datetime.now(datetime.UTC)
    assert (await receiver.post("/hooks/c/slow/200")).status_code == 200
    assert (datetime.datetime.now(datetime.UTC) - began).total_seconds() >= 0.2


async def test_shows_and_forgets_by_name(receiver: httpx.AsyncClient) -> None:
    for name in ("a", "b", "a"):
        await receiver.post(f"/hooks/{name}", content=name)
    assert [each["number"] for each in (await receiver.get("/received", params={"name": "a"})).json()] == [2, 1]
    assert len((await receiver.get("/received", params={"limit": 1})).json()) == 1
    await receiver.delete("/received", params={"name": "a"})
    assert [each["name"] for each in (await receiver.get("/received")).json()] == ["b"]
    await receiver.delete("/received")
    assert (await receiver.get("/received")).json() == []


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
def test_collects_the_spans_of_a_real_exporter(served: str, compression: Compression) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "ingest"}))
    exporter = OTLPSpanExporter(endpoint=f"{served}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("accept", kind=trace.SpanKind.SERVER) as parent:
        with tracer.start_as_current_span("store", attributes={"count": 2, "tags": ["a", "b"]}):
            pass
        trace_id = format(parent.get_span_context().trace_id, "032x")
    provider.shutdown()
    accept, store = httpx.get(f"{served}/traces/{trace_id}").json()
    assert (accept["name"], accept["kind"], accept["service"], accept["parent_span_id"]) == (
        "accept", "server", "ingest", None,
    )  # fmt: skip
    assert (store["parent_span_id"], store["kind"]) == (accept["span_id"], "internal")
    assert store["attributes"] == {"count": 2, "tags": ["a", "b"]}
    assert accept["start_ns"] <= store["start_ns"] <= store["end_ns"] <= accept["end_ns"]


async def test_refuses_what_is_not_otlp(receiver: httpx.AsyncClient) -> None:
    assert (await receiver.post("/v1/traces", content=b"\xff\xff")).status_code == 400
    truncated = gzip.compress(b"x" * 100)[:10]
    headers = {"content-encoding": "gzip"}
    assert (await receiver.post("/v1/traces", content=truncated, headers=headers)).status_code == 400
    assert (await receiver.get("/traces/00")).json() == []


def test_forgets_the_oldest_traces() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    store = TraceStore(keep=2)
    for number in range(1, 4):
        exported = ExportTraceServiceRequest()
        span = exported.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id = bytes([number] * 16), bytes([number] * 8)
        store.add(exported)
    assert store.trace_ids() == ["02" * 16, "03" * 16]
