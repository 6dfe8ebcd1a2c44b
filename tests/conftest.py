"""Fixtures of every test."""

from tests.fixtures.deployment import deployment
from tests.fixtures.servers import servers

__all__ = ["deployment", "servers"]
