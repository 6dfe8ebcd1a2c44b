"""Fixtures of every test, and how examples are made for them."""

import hypothesis

from tests.fixtures.deployment import deployment
from tests.fixtures.servers import servers

__all__ = ["deployment", "servers"]


# a busy machine is slow at making examples too, and no test is about time
hypothesis.settings.register_profile("shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")
