"""Fixtures: a sender with a sink before it; and for single conversations certificates and a pool of connections."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trustme

from services.sender.dns import Lookups
from services.sender.smtp.connections import Connections
from services.sender.smtp.peers import TlsContexts, tls_contexts
from services.sender.smtp.targets import IpStrategy, Targets
from shared.dns import make_resolver
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import NameServer, Says, name_server
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
async def names() -> AsyncIterator[NameServer]:
    """A name server that knows the host of all conversations."""
    async with name_server() as server:
        server.says(NAME, Says([f"{NAME}. 300 A 127.0.0.1"]))
        yield server


@pytest.fixture
async def pool(contexts: TlsContexts, names: NameServer) -> AsyncIterator[Callable[..., Connections]]:
    made: list[Connections] = []

    def make(strategy: IpStrategy = IpStrategy.IPV4_ONLY, **changes: Any) -> Connections:
        lookups = Lookups(make_resolver([changes.pop("nameserver", names.address)], 2), strategy)
        usual = {"timeouts": LONG, "contexts": contexts, "lookups": lookups, "targets": Targets(allow_private=True)}
        made.append(Connections(**{**usual, **changes}))
        return made[-1]

    yield make
    for connections in made:
        connections.close()
        await connections.lookups.close()


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    async with open_sink() as sink:
        yield await World.create(deployment, sink)
