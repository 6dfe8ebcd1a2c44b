"""How much of one workspace's flood another one feels: each sends beside 20,000 waiting messages, or beside slow ones.

A `flood` sends 20,000 messages as fast as it can; they wait in `submissions`, in the topics and in `deliveries`. While
they do, another workspace sends ten a second on each lane. `slow` is a workspace all of whose recipients sit on a host
that takes seconds for each; another mails the same host. Printed: accepted → at the sink, in milliseconds.

`python -m tests.bench.fairness [--messages 20000]`
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import Any

from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack, to_sink
from tests.bench.results import keep
from tests.bench.smtp_sink import smtp_sink
from tests.bench.workspace import Life, Workspace

PORT_BASE, SINK_PORT = 20700, 20718
PROBES_PER_S = 10
STREAMS = {"standard": "product", "critical": "authentication"}
HEAD_START = 2000  # messages of the flood that are accepted before the probes begin
WAVE = 2 * PROBES_PER_S
SLOW_MESSAGES, PROBES = 400, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    given = parser.parse_args()
    with smtp_sink(SINK_PORT), running_stack(PORT_BASE, to_sink(SINK_PORT)) as stack:
        keep("fairness-flood", beside_flood(Workspace(stack, "flood"), Workspace(stack, "shop"), given.messages))
    with running_stack(PORT_BASE, {}) as stack:  # the stack's own sink knows slow recipients
        keep("fairness-slow", beside_slow(Workspace(stack, "slow"), Workspace(stack, "shop")))


def beside_flood(flood: Workspace, shop: Workspace, messages: int) -> dict[str, Any]:
    """Probes in waves of two seconds, as long as the flood is not delivered."""
    flooding = flood.begin("flood", messages)
    while flood.accepted() < HEAD_START:
        time.sleep(0.1)
    began, probes = time.time(), 0
    while flood.delivered() < messages:
        wave = [shop.begin(lane, WAVE, stream=stream, rate=PROBES_PER_S) for lane, stream in STREAMS.items()]
        for probing in wave:
            shop.ended(probing)
        probes += WAVE
    seconds = round(time.time() - began, 1)
    flood.ended(flooding)
    probed = {lane: _of(shop.settled(lane, probes)) | {"p95_by_stage": _by_stage(shop, lane)} for lane in STREAMS}
    return {"messages": messages, "seconds": seconds, **probed}


def beside_slow(slow: Workspace, shop: Workspace) -> dict[str, Any]:
    """The same probes alone, and beside a workspace whose every message takes the host seconds."""
    shop.ended(shop.begin("alone", PROBES, to="ok", rate=PROBES_PER_S))
    alone = _of(shop.settled("alone", PROBES))
    slow.ended(slow.begin("slow", SLOW_MESSAGES, to="slow"))
    shop.ended(shop.begin("beside", PROBES, to="ok", rate=PROBES_PER_S))
    beside, left = _of(shop.settled("beside", PROBES)), SLOW_MESSAGES - slow.delivered()
    return {"slow_messages": SLOW_MESSAGES, "slow_left_at_the_end": left, "alone": alone, "beside": beside}


def _by_stage(workspace: Workspace, tag: str) -> dict[str, float]:
    return {stage: Percentiles.of(seconds).p95 for stage, seconds in workspace.passed(tag).items()}


def _of(lives: list[Life]) -> dict[str, Any]:
    shown = Percentiles.of([(end - start).total_seconds() for start, end in lives])
    return {"probes": len(lives), **asdict(shown)}


if __name__ == "__main__":
    main()
