"""The pipeline under a load: a whole stack of its own whose mail goes to smtp-sink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.parts import SERVICES
from deploy.local.stack import Stack
from tests.bench.percentiles import Percentiles
from tests.bench.processes import Meter, forget_peak
from tests.bench.smtp_sink import smtp_sink
from tests.bench.workspace import Workspace, until

SETTINGS = {
    "POSTHORN_TRACE_RATIO": "0.01",
    "POSTHORN_STANDARD_WAIT_MS": "50",
    "POSTHORN_STANDARD_MIN_BYTES": "20000",
    "POSTHORN_EVENTS_WAIT_MS": "200",
    "POSTHORN_EVENTS_MIN_BYTES": "100000",
}


@dataclass(frozen=True)
class Run:
    """One run. `per_s` counts to the last message at the sink, `done_per_s` to the last webhook."""

    messages: int
    rate: float | None
    webhooks: bool
    per_s: float
    done_per_s: float
    accepted_per_s: float
    accept_ms: Percentiles
    delivered_ms: Percentiles
    cpu_s_per_1000: dict[str, float]
    ours_cpu_s_per_1000: float
    peak_mib: dict[str, float]


class Posthorn:
    """A running stack with a workspace; `hook_port` is the port of the webhook endpoint of the runs that have one."""

    def __init__(self, stack: Stack, hook_port: int) -> None:
        self.stack = stack
        self._hook_url = f"http://127.0.0.1:{hook_port}/"
        self._shop = Workspace(stack, "shop")

    def run(self, messages: int, *, rate: float | None = None, webhooks: bool = False) -> Run:
        """Sends so many messages and waits for the last effect of the last of them."""
        tag = f"run-{time.time_ns()}"
        posts_then = self._posts()["posts"] + (messages if webhooks else 0)
        delivered_then = self._shop.delivered() + messages
        meter = Meter.of(self.pids())
        for pid in meter.pids.values():
            forget_peak(pid)
        made = self._shop.ended(self._shop.begin(tag, messages, rate=rate))
        last_post = self._await(delivered_then, posts_then)
        used = meter.per_thousand(messages)
        began, lives = made["started"], self._shop.lives(tag)
        delivered = max(end.timestamp() for _, end in lives)
        return Run(
            messages=messages,
            rate=rate,
            webhooks=webhooks,
            per_s=round(messages / (delivered - began), 1),
            done_per_s=round(messages / (max(delivered, last_post) - began), 1),
            accepted_per_s=round(messages / (made["ended"] - began), 1),
            accept_ms=Percentiles(**made["waits_ms"]),
            delivered_ms=Percentiles.of([(end - start).total_seconds() for start, end in lives]),
            cpu_s_per_1000=used,
            ours_cpu_s_per_1000=round(sum(used[program.name] for program in SERVICES), 3),
            peak_mib=meter.peaks(),
        )

    def warm_up(self) -> None:
        self._shop.warm_up()

    def subscribe(self) -> None:
        """Adds the webhook endpoint: from now on each message has a webhook."""
        self._shop.subscribe(self._hook_url)

    def pids(self) -> dict[str, int]:
        """The processes that are measured: ours, then Kafka and mongod."""
        names = [program.name for program in SERVICES] + ["kafka", "mongod"]
        found = {name: self.stack.pid(name) for name in names}
        return {name: pid for name, pid in found.items() if pid is not None}

    def _await(self, delivered: int, posts: int) -> float:
        """Returns when so many messages are delivered, as the read model knows, and so many webhooks came; and when the
        last one did."""
        until(lambda: self._shop.delivered() >= delivered and self._posts()["posts"] >= posts, "the run's last effect")
        return float(self._posts()["last_at"])

    def _posts(self) -> dict[str, Any]:
        with urllib.request.urlopen(self._hook_url, timeout=10) as reply:
            posts: dict[str, Any] = json.loads(reply.read())
            return posts


@contextmanager
def running_stack(port_base: int, settings: Mapping[str, str], only: Collection[str] | None = None) -> Iterator[Stack]:
    """A fresh stack, or some of its parts, on the ports from `port_base` on."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    with tempfile.TemporaryDirectory(prefix="bench-posthorn-") as home:
        stack = Stack(Path(home), port_base, {**environ, **SETTINGS, **settings})
        try:
            stack.up(only)
            yield stack
        finally:
            stack.down()


@contextmanager
def running_posthorn(port_base: int, settings: Mapping[str, str] | None = None) -> Iterator[Posthorn]:
    """A stack whose mail goes to smtp-sink, and the webhook endpoint; their ports are 28 and 29 above the stack's."""
    sink_port, hook_port = port_base + 28, port_base + 29
    hook = subprocess.Popen([sys.executable, "-m", "tests.bench.hook_server", str(hook_port)])
    try:
        with smtp_sink(sink_port), running_stack(port_base, to_sink(sink_port) | dict(settings or {})) as stack:
            yield Posthorn(stack, hook_port)
    finally:
        hook.terminate()
        hook.wait()


def to_sink(port: int) -> dict[str, str]:
    """The setting that leads all mail to a sink."""
    return {"POSTHORN_STATIC_MX": json.dumps({"*.test": [f"127.0.0.1:{port}"]})}
