"""One limit out of several, and when it is over, as Broadcast's callers read it."""

from __future__ import annotations

from services.ingest.dialects.broadcast.limits import limit_headers
from shared.limits import Decision, Policy, Standing


def test_the_limit_with_the_least_left_is_told_and_its_reset_as_a_unix_time() -> None:
    key, workspace = Standing(Policy("key", 100), 99, 1), Standing(Policy("workspace", 10), 3, 42)
    assert limit_headers(Decision((key, workspace), ()), 1_700_000_000.2) == {
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "3",
        "X-RateLimit-Reset": "1700000043",
    }
