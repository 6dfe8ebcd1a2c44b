"""A workspace of a running stack, with a load generator that sends for it, and what became of what it sent."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from pymongo import MongoClient

from deploy.local.stack import Stack
from tests.bench.generator import Plan
from tests.e2e.account import bootstrap

SECONDS = 1200
LOOK_SECONDS = 1.0
WARM_UP = 20_000  # messages
STAGES = ("accepted", "published", "routed", "checked", "delivered")
# With header fields and signature the message is 2 KiB on the wire.
TEXT = ("Your order is on its way to you, and this line is one of some that say so in the bench.\n" * 12)[:-145] + "\n"
Life = tuple[datetime, datetime]


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits for a condition, asked seldom: who looks must not cost what is measured. Raises TimeoutError."""
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come")
        time.sleep(LOOK_SECONDS)


class Workspace:
    """Sends in runs, which its tags tell apart: a run's messages are those with its tag."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack = stack
        self._sender = f"no-reply@{name}.example"
        self._home = bootstrap(stack, name, self._sender)
        client: MongoClient[dict[str, Any]] = MongoClient(stack.env["POSTHORN_MONGO_URL"], tz_aware=True)
        database = client["posthorn_ingest"]
        self._messages, self._deliveries = database["messages"], client["posthorn_sender"]["deliveries"]

    def email(self, to: str, tag: str) -> dict[str, Any]:
        """What `POST /v1/emails` takes, for one recipient."""
        return {"from": self._sender, "to": [to], "subject": "Your order", "text": TEXT, "tags": [tag]}

    def begin(
        self,
        tag: str,
        messages: int,
        *,
        to: str = "to",
        stream: str = "product",
        rate: float | None = None,
        connections: int = 40,
    ) -> subprocess.Popen[bytes]:
        """Starts a generator; its output is for `ended`. The local parts of the recipients begin with `to`."""
        body = self.email(f"{to}+{tag}-{{n}}@sink.test", tag) | {"stream": stream}
        port = self._stack.ports["http"]
        plan = Plan("127.0.0.1", port, self._home["api_key"], json.dumps(body), messages, connections, rate)
        command = [sys.executable, "-m", "tests.bench.generator", json.dumps(asdict(plan))]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def warm_up(self) -> None:
        """Sends what a fresh JVM needs to compile what it repeats: until then Kafka costs four times as much."""
        before = self.delivered()
        self.ended(self.begin(f"warm-up-{time.time_ns()}", WARM_UP))
        until(lambda: self.delivered() >= before + WARM_UP, "the end of the warm-up")

    @staticmethod
    def ended(generator: subprocess.Popen[bytes]) -> dict[str, Any]:
        """The Result of a generator, once it has all its answers; each has to be a 202."""
        output, _ = generator.communicate(timeout=SECONDS)
        result: dict[str, Any] = json.loads(output)
        assert list(result["codes"]) == ["202"], result["codes"]
        return result

    def taken_over(self, messages: int) -> None:
        """Returns when the sender has taken so many over."""
        of_it = {"workspace_id": self._home["workspace"]}
        until(lambda: self._deliveries.count_documents(of_it) >= messages, f"{messages} deliveries")

    def settled(self, tag: str, messages: int) -> list[Life]:
        """The lives of a run's messages once all of them are delivered."""
        until(lambda: len(self.lives(tag)) >= messages, f"{messages} delivered messages of {tag}")
        return self.lives(tag)

    def delivered(self) -> int:
        """How many of all messages are; from the index alone: what looks must not cost what is measured."""
        return self._messages.count_documents({"workspace_id": self._home["workspace"], "head.status": "delivered"})

    def lives(self, tag: str) -> list[Life]:
        """When each delivered message of a run was accepted, and when the sink had taken it."""
        found = self._messages.find(
            {"workspace_id": self._home["workspace"], "tags": tag, "times.delivered_at": {"$exists": True}},
            {"accepted_at": 1, "times.delivered_at": 1},
        )
        return [(one["accepted_at"], one["times"]["delivered_at"]) for one in found]

    def passed(self, tag: str) -> dict[str, list[float]]:
        """The seconds from the stage before until each stage had passed a run's delivered messages on."""
        passed: dict[str, list[float]] = {stage: [] for stage in STAGES[1:]}
        for one, moments in self._moments(tag):
            moments["delivered"] = one["times"]["delivered_at"]
            for before, stage in pairwise(STAGES):
                passed[stage].append((moments[stage] - moments[before]).total_seconds())
        return passed

    def late(self, tag: str) -> list[float]:
        """The seconds from `scheduled_at` until each of a run's delivered messages was published."""
        return [(moments["published"] - one["scheduled_at"]).total_seconds() for one, moments in self._moments(tag)]

    def _moments(self, tag: str) -> Iterator[tuple[dict[str, Any], dict[str, datetime]]]:
        """A run's delivered messages, and when each stage had passed each of them on."""
        found = self._messages.find(
            {"workspace_id": self._home["workspace"], "tags": tag, "times.delivered_at": {"$exists": True}},
            {"events": 1, "times.delivered_at": 1, "scheduled_at": 1},
        )
        for one in found:
            seen = next(event["data"]["seen"] for event in one["events"].values() if event["type"] == "delivered")
            yield one, {stage: datetime.fromisoformat(seen[stage]) for stage in STAGES[:-1]}

    def subscribe(self, url: str) -> None:
        """Adds a webhook endpoint: from now on each message has one webhook."""
        self.post("/v1/webhooks", {"url": url, "events": ["email.delivered"]})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The reply's body; raises HTTPError for what is no success."""
        headers = {"Authorization": f"Bearer {self._home['api_key']}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._stack.http_url}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
            return answer
