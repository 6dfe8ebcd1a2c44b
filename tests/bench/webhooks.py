"""The webhooks service alone: events in, posts to endpoints on this machine, every attempt recorded and published.

First a hundred endpoints that answer at once, with as many events as it can take. Then a hundred at a steady rate,
twice: all of them well, and beside the same ninety well ones one that hangs, four that answer after 300 ms and five
that fail. Delays are from the event's time to its arrival at the endpoint.

`python -m tests.bench.webhooks [--events 20000] [--runs 3] [--rate 300] [--seconds 60]`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from deploy.local.stack import Stack
from tests.bench.hooked import Hooked
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack
from tests.bench.processes import Meter, forget_peak
from tests.bench.results import keep
from tests.bench.workspace import until

PORT_BASE = 22600
PARTS = ("kafka", "mongod", "webhooks")
ENDPOINTS = 100
TROUBLES = ("/hang", *["/slow"] * 4, *["/fail"] * 5)
SETTINGS = {"POSTHORN_ALLOW_PRIVATE_TARGETS": "true"}
WARM_UP = 3000


@dataclass(frozen=True)
class Posted:
    """`per_s` are the timed posts from the first to the last; CPU seconds are per 1,000 events, to the last record."""

    events: int
    rate: float | None
    per_s: float
    delay_ms: Percentiles
    cpu_s_per_1000: Mapping[str, float]
    peak_mib: Mapping[str, float]


class LoneWebhooks:
    """A stack's webhooks service with a server of endpoints."""

    def __init__(self, stack: Stack, hook_url: str) -> None:
        self._stack = stack
        self._hook_url = hook_url
        self._hooked = Hooked(stack.env, hook_url)

    def endpoints(self, paths: Sequence[str]) -> list[str]:
        return self._hooked.configure(paths, rate=1000)

    def run(
        self, workspaces: Sequence[str], events: int, rate: float | None = None, timed: int | None = None
    ) -> Posted:
        """Publishes the events; the first `timed` workspaces are those whose posts are awaited and told."""
        well = workspaces[: timed or len(workspaces)]
        expected = len([number for number in range(events) if number % len(workspaces) < len(well)])
        self._told()
        before = self._hooked.recorded(well)
        pids = {name: pid for name in PARTS if (pid := self._stack.pid(name))}
        meter = Meter.of(pids)
        forget_peak(pids["webhooks"])
        self._hooked.publish(workspaces, events, rate)
        until(lambda: self._hooked.recorded(well) == before + expected, "the last record")
        told = self._told()
        assert len(told["delays"]) == expected, f"{len(told['delays'])} posts of {expected}"
        return Posted(
            events=events,
            rate=rate,
            per_s=round((expected - 1) / (told["last_at"] - told["first_at"]), 1),
            delay_ms=Percentiles.of(told["delays"]),
            cpu_s_per_1000=meter.per_thousand(events),
            peak_mib=meter.peaks(),
        )

    def _told(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._hook_url}/timed", timeout=10) as reply:
            told: dict[str, Any] = json.loads(reply.read())
            return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    with running_webhooks() as webhooks:
        fast = webhooks.endpoints([f"/timed/{number}" for number in range(ENDPOINTS)])
        webhooks.run(fast, WARM_UP)
        runs = [shown(webhooks.run(fast, given.events)) for _ in range(given.runs)]
        steady = round(given.rate * given.seconds)
        alone = shown(webhooks.run(fast, steady, given.rate))
        well = ENDPOINTS - len(TROUBLES)
        troubled = fast[:well] + webhooks.endpoints(TROUBLES)
        beside = shown(webhooks.run(troubled, steady, given.rate, well))
    found = {
        "posts_per_s": median(run.per_s for run in runs),
        "p99_beside_troubles_to_alone": round(beside.delay_ms.p99 / alone.delay_ms.p99, 2),
        "fast": [asdict(run) for run in runs],
        "steady": asdict(alone),
        "steady_beside_troubles": asdict(beside),
    }
    keep("webhooks", found)


@contextmanager
def running_webhooks() -> Iterator[LoneWebhooks]:
    port = PORT_BASE + 19
    hooks = subprocess.Popen([sys.executable, "-m", "tests.bench.hook_server", str(port)])
    try:
        with running_stack(PORT_BASE, SETTINGS, PARTS) as stack:
            yield LoneWebhooks(stack, f"http://127.0.0.1:{port}")
    finally:
        hooks.terminate()
        hooks.wait()


def shown(run: Posted) -> Posted:
    print(asdict(run), flush=True)
    return run


if __name__ == "__main__":
    main()
