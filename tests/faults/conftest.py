"""The stack of the fault tests that need no servers of another kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from tests.faults.world import own_stack
from tests.fixtures.own_ports import own_ports


@pytest.fixture(scope="package")
def _shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_stack(tmp_path_factory.mktemp("faults"), own_ports(24300)) as made:
        yield made


@pytest.fixture
def stack(_shared_stack: Stack) -> Stack:
    """One stack for all of them, whole again where a test has left a process dead."""
    _shared_stack.up()
    return _shared_stack
