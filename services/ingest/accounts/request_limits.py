"""How many requests a key and its workspace may make, and what each reply tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import Request

from services.ingest.settings import Settings
from shared.auth import Principal
from shared.errors import ProblemError
from shared.limits import Buckets, Decision, Policy


class RequestLimits:
    """The limits of this process, which are its share of the whole: one of `http_replicas` parts."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._key_quota = settings.key_rate_limit
        self._workspace_quota = settings.workspace_rate_limit
        self._buckets = Buckets(clock, settings.http_replicas)

    def take(self, principal: Principal) -> Decision:
        """Counts one request of the caller."""
        key = Policy("key", principal.key.rate_limit or self._key_quota)
        workspace = Policy("workspace", principal.workspace.rate_limit or self._workspace_quota)
        return self._buckets.take((principal.key_id, key), (principal.workspace_id, workspace))

    def check(self, request: Request, principal: Principal) -> None:
        """Counts a request, and has its reply tell where the caller stands; raises a 429 problem.

        The numbers stand in the request's state as `rate_limit`, for replies that tell of them in other words.
        """
        decision = self.take(principal)
        request.state.rate_limit = decision
        request.state.reply_headers = {
            "RateLimit-Policy": decision.policy_field,
            "RateLimit": decision.limit_field,
        }
        if decision.violated:
            raise ProblemError(
                429,
                "rate_limited",
                f"Too many requests; the next one may come in {decision.retry_after} s.",
                members={"violated-policies": list(decision.violated)},
                headers={"Retry-After": str(decision.retry_after)},
            )
