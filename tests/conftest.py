"""Fixtures of every test, and which tests go to one worker together."""

import hypothesis
import pytest

from tests.fixtures.deployment import deployment
from tests.fixtures.servers import servers

__all__ = ["deployment", "servers"]


# a busy machine is slow at making examples too, and no test is about time
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has the whole stack: two of them would spend their time starting it and waiting for each other."""
    for item in items:
        if item.nodeid.startswith(("tests/faults/", "tests/e2e/")):
            item.add_marker(pytest.mark.xdist_group("stack"))
