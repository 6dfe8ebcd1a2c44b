"""A caller is answered in time."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import ProblemError, answered_within


async def test_what_takes_too_long_is_503_with_retry_after() -> None:
    with pytest.raises(ProblemError) as raised:
        async with answered_within(0.01):
            await asyncio.Event().wait()
    assert raised.value.status == 503
    assert int(raised.value.headers["Retry-After"]) > 0


async def test_what_is_in_time_stays_as_it_is() -> None:
    async with answered_within(60):
        await asyncio.sleep(0)
    with pytest.raises(KeyError):
        async with answered_within(60):
            raise KeyError("other faults go through")
