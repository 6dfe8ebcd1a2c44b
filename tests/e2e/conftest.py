"""A whole Posthorn as processes, with short waits, and a client of its own for each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.e2e.account import Account, make_home, open_account
from tests.fixtures.own_ports import own_ports
from tests.fixtures.servers import Servers

QUICK = {
    "POSTHORN_RETRY_DELAYS": "[1]",
    "POSTHORN_GREYLIST_DELAYS": "[1]",
    "POSTHORN_AMBIGUOUS_DELAYS": "[1]",
    "POSTHORN_ROUTE_DOWN_DELAYS": "[0.5]",
    "POSTHORN_LEASE_SECONDS": "6",
    "POSTHORN_WEBHOOK_SCHEDULE": "[0, 1, 1, 1, 1]",
    "POSTHORN_SESSION_TIMEOUT_MS": "6000",
    "POSTHORN_SWEEP_SECONDS": "2",
    "POSTHORN_ERASURE_SETTLE_SECONDS": "3",
    "POSTHORN_LAST_USED_SECONDS": "1",
    "POSTHORN_DSN_SUCCESS": "true",
    "POSTHORN_BREAKER_FIRST_SECONDS": "2",
    "POSTHORN_REPUTATION_SECONDS": "1",
    "POSTHORN_HELD_LOOK_SECONDS": "1",
}


STARTING_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test's time includes the start of a whole stack, which a busy machine takes minutes for."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(STARTING_SECONDS))


@pytest.fixture(scope="session")
def quick() -> dict[str, str]:
    """What the stack's settings are otherwise than a user's."""
    return QUICK


@pytest.fixture(scope="session")
def stack(servers: Servers, quick: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack on the test run's servers, under a prefix that nobody else has."""
    prefix = f"e{secrets.token_hex(4)}_"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    environ |= quick | {
        "POSTHORN_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "POSTHORN_MONGO_URL": servers.mongo_url,
        "POSTHORN_DB_PREFIX": prefix,
        "POSTHORN_TOPIC_PREFIX": prefix,
    }
    made = Stack(tmp_path_factory.mktemp("stack"), port_base=own_ports(23300), environ=environ)
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="session")
def homes(stack: Stack) -> tuple[dict[str, Any], ...]:
    """Four workspaces for the whole run: a bootstrap takes seconds. Tests keep apart by fresh addresses."""
    return make_home(stack), make_home(stack), make_home(stack), make_home(stack)


@pytest.fixture
async def account(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    """A workspace, and a client that speaks for it."""
    async with open_account(stack, homes[0]) as opened:
        yield opened


@pytest.fixture
async def stranger(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    """Another workspace on the same stack."""
    async with open_account(stack, homes[1]) as opened:
        yield opened


@pytest.fixture
async def listener(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    """A third workspace, for tests whose endpoints may hear of no other test's messages: each of them waits for all
    that it sends."""
    async with open_account(stack, homes[2]) as opened:
        yield opened


@pytest.fixture
async def routed(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    """A fourth workspace, for tests that move its default route, which is as it was after the test: mail that another
    test left for a retry would come to their hosts."""
    async with open_account(stack, homes[3]) as opened:
        yield opened
        await opened.route("direct")
