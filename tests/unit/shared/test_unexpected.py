"""An error that nobody expected is answered as every other one, and found in the log by what the caller was told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog
from structlog.testing import LogCapture

from shared.api import create_api, service_router
from shared.settings import SharedSettings
from shared.telemetry.tracing import Tracing

KEY = "a" * 43 + "="
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    before, capture = structlog.get_config()["processors"], LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.configure(processors=before)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    router = service_router(Tracing(SharedSettings(pepper=KEY, token_key=KEY, encryption_key=KEY), "ingest"))

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    transport = httpx.ASGITransport(create_api([router]), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://posthorn") as http:
        yield http


async def test_a_reply_to_an_error_of_ours_has_the_requests_id(http: httpx.AsyncClient) -> None:
    reply = await http.get("/broken", headers={"X-Request-Id": "request-7"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (500, "request-7")
    assert reply.json()["request_id"] == "request-7"


async def test_the_log_has_the_ids_of_each_request_and_of_its_trace(
    http: httpx.AsyncClient, logged: LogCapture
) -> None:
    await http.get("/broken", headers={"X-Request-Id": "request-7", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    await http.get("/broken", headers={"X-Request-Id": "request-8"})
    first, second = logged.entries
    assert (first["event"], first["request_id"], first["trace_id"]) == ("request failed", "request-7", TRACE)
    assert second["request_id"] == "request-8"
    assert second["trace_id"] not in (None, TRACE)
