"""The servers, and a whole Posthorn on them, for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.e2e.account import Account, make_home, open_account
from tests.secured.world import World, make_world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.verify)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("secured"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def stack(world: World) -> Iterator[Stack]:
    made = world.stack()
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="session")
def homes(stack: Stack) -> tuple[dict[str, Any], ...]:
    """Workspaces, made by the operator's `posthorn bootstrap`."""
    return make_home(stack), make_home(stack)


@pytest.fixture
async def account(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    async with open_account(stack, homes[0]) as opened:
        yield opened


@pytest.fixture
async def listener(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    async with open_account(stack, homes[1]) as opened:
        yield opened


@pytest.fixture
def nothing_denied(world: World, stack: Stack) -> Iterator[None]:
    """Neither server has said no to anybody since its start, those aside that a test has provoked."""
    assert not world.new_denials()
    yield
    assert not world.new_denials()
