"""The objectives: what is promised of how many requests, messages and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploy.prometheus.expressions import increase, joined, rate

DAYS = 30


@dataclass(frozen=True)
class Objective:
    """`target` is the share that is to be good. What counts is `metric`: a counter whose bad ones have the label that
    `bad` matches, or a histogram of which good are those within `seconds`, an edge of its buckets."""

    name: str
    title: str
    target: float
    metric: str
    where: str = ""
    bad: str = ""
    seconds: float | None = None

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.target, 6)

    @property
    def percent(self) -> str:
        return f"{self.target * 100:g} %"

    def bad_events(self, per: str, by: str = "", where: str = "") -> str:
        """How many were bad within a window."""
        return self._bad(increase, per, by, joined(self.where, where))

    def bad_share(self, per: str, by: str = "", where: str = "") -> str:
        """Which share of those within a window was bad; nothing where there was nothing at all."""
        every = joined(self.where, where)
        whole = rate(self.metric if self.seconds is None else f"{self.metric}_count", per, by, every)
        return f"({self._bad(rate, per, by, every)}) / ({whole} > 0)"

    def _bad(self, rise: Callable[[str, str, str, str], str], per: str, by: str, where: str) -> str:
        if self.seconds is None:
            # the failed may never have been counted: then there were none
            failed = rise(self.metric, per, by, joined(where, self.bad))
            return f"{failed} or 0 * {rise(self.metric, per, by, where)}"
        within = joined(where, f'le="{self.seconds:.1f}"')
        return f"{rise(f'{self.metric}_count', per, by, where)} - {rise(f'{self.metric}_bucket', per, by, within)}"


ACCEPT = Objective(
    "accept", "Accepting", 0.9995, "posthorn_accept_requests_total", bad='result="failed"',
)  # fmt: skip
CRITICAL = Objective(
    "critical_first_attempt", "Critical mail tried within 5 s", 0.99, "posthorn_first_attempt_seconds",
    where='lane="critical"', seconds=5,
)  # fmt: skip
WEBHOOKS = Objective(
    "webhook_first_post", "Webhooks posted within 30 s", 0.99, "posthorn_webhook_first_post_seconds",
    where='endpoint="ready"', seconds=30,
)  # fmt: skip
OBJECTIVES = (ACCEPT, CRITICAL, WEBHOOKS)
