"""What Broadcast's replies tell of rate limits: `X-RateLimit-Limit`, `-Remaining`, and `-Reset` as a Unix time."""

from __future__ import annotations

import math
import time

from fastapi import Request

from shared.limits import Decision


def limit_headers(decision: Decision, now: float) -> dict[str, str]:
    """The one limit with the least left; `now` is a Unix time."""
    standing = decision.tightest
    return {
        "X-RateLimit-Limit": str(standing.policy.quota),
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": str(math.ceil(now + standing.reset)),
    }


def told(request: Request) -> dict[str, str]:
    """The headers for a request that was counted; none for one whose key is not known."""
    decision: Decision | None = getattr(request.state, "rate_limit", None)
    return {} if decision is None else limit_headers(decision, time.time())
