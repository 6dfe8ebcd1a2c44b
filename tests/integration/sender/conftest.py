"""Fixtures: a sender with a sink before it; and for single conversations certificates and a pool of connections."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme

from services.sender.smtp.connections import Connections
from services.sender.smtp.peers import TlsContexts, tls_contexts
from tests.fixtures.deployment import Deployment
from tests.fixtures.local_tools import open_sink
from tests.integration.sender.attempts import LONG, NAME
from tests.integration.sender.world import World


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def contexts(authority: trustme.CA) -> TlsContexts:
    found = tls_contexts()
    authority.configure_trust(found.verify)
    return found


@pytest.fixture
def pool(contexts: TlsContexts) -> Callable[..., Connections]:
    async def resolve(name: str) -> list[str]:
        return ["127.0.0.1"]

    def make(**changes: Any) -> Connections:
        return Connections(
            **{"timeouts": LONG, "contexts": contexts, "resolve": resolve, "allow_private": True, **changes}
        )

    return make


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    async with open_sink() as sink:
        yield await World.create(deployment, sink)
