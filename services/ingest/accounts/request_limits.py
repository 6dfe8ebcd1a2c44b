"""How many requests a key and its workspace may make, and what each reply tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from services.ingest.settings import Settings
from shared.auth import Principal
from shared.errors import ProblemError
from shared.limits import Buckets, Decision, Policy, Share

MOST_SHARES = 1_000


class RequestLimits:
    """The limits of this process, which are its share of the whole: one of `http_replicas` parts."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._key_quota = settings.key_rate_limit
        self._workspace_quota = settings.workspace_rate_limit
        self._replicas = settings.http_replicas
        self._buckets = Buckets(clock)
        self._shares: dict[tuple[int | None, int | None], _Shares] = {}

    def take(self, principal: Principal) -> Decision:
        """Counts one request of the caller."""
        shares = self._shares_of(principal)
        return self._buckets.take((principal.key_id, shares.key), (principal.workspace_id, shares.workspace))

    def check(self, request: Request, principal: Principal) -> None:
        """Counts a request, and has its reply tell where the caller stands; raises a 429 problem.

        The numbers stand in the request's state as `rate_limit`, for replies that tell of them in other words.
        """
        decision = self.take(principal)
        state = request.state
        state.rate_limit = decision
        state.reply_headers = [
            (b"ratelimit-policy", self._shares_of(principal).field),
            (b"ratelimit", ", ".join([standing.field for standing in decision.standings]).encode()),
        ]
        if decision.violated:
            raise ProblemError(
                429,
                "rate_limited",
                f"Too many requests; the next one may come in {decision.retry_after} s.",
                members={"violated-policies": list(decision.violated)},
                headers={"Retry-After": str(decision.retry_after)},
            )

    def _shares_of(self, principal: Principal) -> _Shares:
        """Made once for each pair of limits: there are few, and requests many."""
        limits = principal.key.rate_limit, principal.workspace.rate_limit
        known = self._shares.get(limits)
        if known is None:
            if len(self._shares) >= MOST_SHARES:
                self._shares.clear()
            key = Policy("key", limits[0] or self._key_quota)
            workspace = Policy("workspace", limits[1] or self._workspace_quota)
            field = f"{key.field}, {workspace.field}".encode()
            known = _Shares(Share(key, self._replicas), Share(workspace, self._replicas), field)
            self._shares[limits] = known
        return known


@dataclass(frozen=True, slots=True)
class _Shares:
    """The shares of a key and its workspace, and the value of `RateLimit-Policy` that tells of both."""

    key: Share
    workspace: Share
    field: bytes
