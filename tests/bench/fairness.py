"""How much of one workspace's flood another one feels: each sends beside 20,000 waiting messages, or beside slow ones.

A `flood` has 20,000 messages accepted before any goes on: they wait in `submissions`, then in the topics, then in
`deliveries`, and until the last is delivered another workspace sends ten a second on each lane. `slow` is a workspace
with 20,000 recipients on a host that takes seconds for each, so that nearly all of them wait in `deliveries`; another
mails the same host. Printed: accepted → at the sink, in milliseconds.

`python -m tests.bench.fairness [--messages 20000]`
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import Any

from deploy.local.stack import Stack
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack, to_sink
from tests.bench.results import keep
from tests.bench.smtp_sink import smtp_sink
from tests.bench.workspace import Life, Workspace

PORT_BASE, SINK_PORT = 20700, 20718
PROBES_PER_S = 10
STREAMS = {"standard": "product", "critical": "authentication"}
WAVE = 2 * PROBES_PER_S
PROBES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    given = parser.parse_args()
    with smtp_sink(SINK_PORT), running_stack(PORT_BASE, to_sink(SINK_PORT)) as stack:
        flood = Workspace(stack, "flood")
        flood.warm_up()
        keep("fairness-flood", beside_flood(stack, flood, Workspace(stack, "shop"), given.messages))
    with running_stack(PORT_BASE, {}) as stack:  # the stack's own sink knows slow recipients
        keep("fairness-slow", beside_slow(Workspace(stack, "slow"), Workspace(stack, "shop"), given.messages))


def beside_flood(stack: Stack, flood: Workspace, shop: Workspace, messages: int) -> dict[str, Any]:
    """Probes in waves of two seconds, as long as the flood is not delivered."""
    delivered = flood.delivered()
    stack.stop("ingest")
    flood.ended(flood.begin("flood", messages))
    stack.start("ingest")
    began, probes = time.time(), 0
    while flood.delivered() < delivered + messages:
        wave = [shop.begin(lane, WAVE, stream=stream, rate=PROBES_PER_S) for lane, stream in STREAMS.items()]
        for probing in wave:
            shop.ended(probing)
        probes += WAVE
    seconds = round(time.time() - began, 1)
    probed = {lane: _of(shop.settled(lane, probes)) | {"p95_by_stage": _by_stage(shop, lane)} for lane in STREAMS}
    return {"messages": messages, "seconds": seconds, **probed}


def beside_slow(slow: Workspace, shop: Workspace, messages: int) -> dict[str, Any]:
    """The same probes alone, and beside a workspace whose every message takes the host seconds."""
    shop.ended(shop.begin("alone", PROBES, to="ok", rate=PROBES_PER_S))
    alone = _of(shop.settled("alone", PROBES))
    slow.ended(slow.begin("slow", messages, to="slow"))
    slow.taken_over(messages)
    shop.ended(shop.begin("beside", PROBES, to="ok", rate=PROBES_PER_S))
    beside, left = _of(shop.settled("beside", PROBES)), messages - slow.delivered()
    return {"slow_messages": messages, "slow_left_at_the_end": left, "alone": alone, "beside": beside}


def _by_stage(workspace: Workspace, tag: str) -> dict[str, float]:
    return {stage: Percentiles.of(seconds).p95 for stage, seconds in workspace.passed(tag).items()}


def _of(lives: list[Life]) -> dict[str, Any]:
    shown = Percentiles.of([(end - start).total_seconds() for start, end in lives])
    return {"probes": len(lives), **asdict(shown)}


if __name__ == "__main__":
    main()
