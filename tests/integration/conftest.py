"""Every write of these tests is held to what a sharded cluster takes: docs/sizing.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import monitoring

from tests.fixtures.sharding import Writes

WRITES = Writes()
monitoring.register(WRITES)  # for every client that is made from here on


@pytest.fixture(autouse=True)
def _writes_say_which_document() -> Iterator[None]:
    WRITES.untargeted.clear()
    yield
    assert WRITES.untargeted == []
