"""The stack of the fault tests that need no servers of another kind, and the order that they come in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.world import own_stack
from tests.fixtures.own_ports import own_ports

STACKS_OF_THEIR_OWN = ("test_disk_full", "test_kafka_cluster", "test_mongo_set")
UNTOUCHED = "test_replay"


def _place(item: pytest.Item) -> int:
    """Stacks of their own come first, while no other one takes part of the machine; then what wants the shared stack
    without anybody else's messages: nothing in it may change."""
    return 0 if item.path.stem in STACKS_OF_THEIR_OWN else 1 if item.path.stem == UNTOUCHED else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [place for place, item in enumerate(items) if item.path.is_relative_to(Path(__file__).parent)]
    ordered = sorted((items[place] for place in here), key=_place)
    for place, item in zip(here, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def _shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_stack(tmp_path_factory.mktemp("faults"), own_ports(24300)) as made:
        yield made


@pytest.fixture
def stack(_shared_stack: Stack) -> Stack:
    """One stack for all of them, whole again where a test has left a process dead."""
    _shared_stack.up()
    return _shared_stack
