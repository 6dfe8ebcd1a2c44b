"""How late scheduled messages go: from `scheduled_at` until the relay has published the message, by two replicas.

Messages are due at moments spread evenly over half a minute, after all of them were accepted.

`python -m tests.bench.scheduling [--messages 3000]`
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from deploy.local.parts import http_ready
from deploy.local.processes import wait_until
from deploy.local.stack import Stack
from shared.contracts.record import rfc3339
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack
from tests.bench.results import keep
from tests.bench.workspace import Workspace

PORT_BASE = 21400
SECOND_HEALTH_PORT = 21490
IN_A_BATCH = 100
SPREAD_SECONDS = 30
ACCEPTED_AT = 150  # messages/s that are surely accepted before the first is due


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    given = parser.parse_args()
    with running_stack(PORT_BASE, {}) as stack, second_relay(stack):
        shop = Workspace(stack, "shop")
        tag = f"run-{time.time_ns()}"
        first = datetime.now(UTC) + timedelta(seconds=5 + given.messages / ACCEPTED_AT)
        due = [first + timedelta(seconds=SPREAD_SECONDS * number / given.messages) for number in range(given.messages)]
        for begin in range(0, given.messages, IN_A_BATCH):
            batch(shop, tag, due[begin : begin + IN_A_BATCH], begin)
        assert datetime.now(UTC) < first, "the first message was due before the last was accepted"
        shop.settled(tag, given.messages)
        late = shop.late(tag)
    result = {"messages": given.messages, "replicas": 2, "late_ms": asdict(Percentiles.of(late))}
    keep("scheduling", result | {"earliest_ms": round(min(late) * 1000), "latest_ms": round(max(late) * 1000)})


def batch(shop: Workspace, tag: str, due: list[datetime], begin: int) -> None:
    emails = [
        shop.email(f"to+{tag}-{begin + place}@sink.test", tag) | {"scheduled_at": rfc3339(moment)}
        for place, moment in enumerate(due)
    ]
    reply = shop.post("/v1/emails/batch", {"emails": emails})
    assert reply["data"]["accepted"] == len(emails), reply


@contextmanager
def second_relay(stack: Stack) -> Iterator[None]:
    """Another process of ingest's roles behind the door."""
    env = {**stack.env, "POSTHORN_HEALTH_PORT": str(SECOND_HEALTH_PORT)}
    process = subprocess.Popen([sys.executable, "-m", "services.cli", "run", "ingest:relay,projector"], env=env)
    try:
        if not wait_until(lambda: http_ready(SECOND_HEALTH_PORT), 60):
            raise TimeoutError("the second relay is not ready")
        yield
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
