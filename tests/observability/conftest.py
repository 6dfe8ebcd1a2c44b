"""A whole stack, as the end-to-end tests have it, whose sweeper does not wait for a quarter of an hour."""

import pytest

from tests.e2e.conftest import QUICK, account, homes, stack

__all__ = ["account", "homes", "stack"]


@pytest.fixture(scope="session")
def quick() -> dict[str, str]:
    return QUICK | {"POSTHORN_SWEEP_FIRST_SECONDS": "5"}
