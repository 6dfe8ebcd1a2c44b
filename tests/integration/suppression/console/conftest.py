"""Visitors of suppression's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.fixtures.console import VisitingClient, signed_in
from tests.integration.suppression.conftest import Suppressing

SignIn = Callable[..., Awaitable[VisitingClient]]


@pytest.fixture
async def http(answering: Suppressing) -> AsyncIterator[httpx.AsyncClient]:
    async with answering.running("http") as client:
        yield client


@pytest.fixture
async def sign_in(answering: Suppressing, http: httpx.AsyncClient) -> SignIn:
    """`await sign_in(*scopes)` is a visitor of the workspace `w1`, or of another one."""

    async def visitor(*scopes: str, workspace_id: str = "w1") -> VisitingClient:
        header = await answering.key(workspace_id, *(scopes or ("suppressions",)))
        key = header["authorization"].removeprefix("Bearer ")
        return await signed_in(http, answering.deployment.database("suppression"), answering.settings, key)

    return visitor


@pytest.fixture
async def visitor(sign_in: SignIn) -> VisitingClient:
    """With the scopes `suppressions` and `admin`."""
    return await sign_in("suppressions", "admin")


async def send_file(
    visitor: VisitingClient,
    path: str,
    data: bytes | None,
    token: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    """A form with a file, as a browser sends it; `data` None chooses no file."""
    own = visitor.sessions.form_token(visitor.session.id) if visitor.session else ""
    form = {"form_token": own if token is None else token, "type": "manual", "where": "", "reason": "", **fields}
    file = ("", b"") if data is None else ("list.csv", data)
    body = httpx.Request("POST", "http://posthorn", data=form, files={"file": (*file, "text/csv")})
    cookies = visitor._headers()
    kind = {"content-type": body.headers["content-type"]}
    return await visitor.http.post(path, content=body.read(), headers={**cookies, **kind, **(headers or {})})
