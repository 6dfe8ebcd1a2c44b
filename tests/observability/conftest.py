"""A whole stack, as the end-to-end tests have it."""

from tests.e2e.conftest import account, homes, stack

__all__ = ["account", "homes", "stack"]
