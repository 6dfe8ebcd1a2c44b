"""The sender alone beside Postfix's `qmgr` and `smtp`, each delivering the same queue to the same sink, in turn.

2 KiB on the wire, a recipient each, one destination with 20 connections for both, which is either's default. Ours keeps
a fifth of them for the critical lane, and all of this mail is of the standard lane: Postfix also runs with as many as
that leaves. Ours signs with DKIM (RSA, 2048 bits), Postfix's need not. The sink answers at once (smtp-sink) or 50 and
300 ms late. With `--memory`: how much memory the sender has resident after each 10,000 messages of 100,000.

`python -m tests.bench.sender [--runs 3] [--memory]`
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from statistics import median
from typing import Any

from tests.bench.compose_and_sign import costs
from tests.bench.cpu_parts import looking_at
from tests.bench.delivering import SECONDS, Delivered, HeldQueue, Load, LoneSender
from tests.bench.postfix import running_postfix
from tests.bench.posthorn import running_stack
from tests.bench.processes import resident_mib
from tests.bench.results import keep
from tests.bench.sinks import all_of

PORT_BASE = 21600
POSTFIX_PORT, SINK_PORT = 21690, 21691
CONNECTIONS, STANDARD_CONNECTIONS = 20, 16
LOADS = (Load(5000, 0, CONNECTIONS), Load(3000, 50, CONNECTIONS), Load(1000, 300, CONNECTIONS))
WARM_UP = Load(5000, 0, CONNECTIONS)
MANY, STEP = 100_000, 10_000
PARTS = ("kafka", "mongod", "sender")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    with running_sender() as sender:
        if given.memory:
            keep("sender-memory", memory(sender))
            return
        with running_postfix(POSTFIX_PORT, SINK_PORT, HeldQueue.HOLDS) as postfix:
            keep("sender", beside(sender, HeldQueue(postfix, SINK_PORT), given.runs))


@contextmanager
def running_sender() -> Iterator[LoneSender]:
    """A stack of Kafka, mongod and a sender that does not run yet."""
    with running_stack(PORT_BASE, {}, PARTS) as stack:
        stack.stop("sender")
        yield LoneSender(stack, SINK_PORT)


def beside(sender: LoneSender, postfix: HeldQueue, runs: int) -> dict[str, Any]:
    for warming in (sender, postfix):
        warming.run(WARM_UP)
    found = {f"at_{load.latency_ms}_ms": in_turn(sender, postfix, load, runs) for load in LOADS}
    return found | {"cpu_ms_by_part": by_part(sender, LOADS[0]), "at_4_kib": costs(4)}


def in_turn(sender: LoneSender, postfix: HeldQueue, load: Load, runs: int) -> dict[str, Any]:
    """The medians of the ratios of runs that came one after the other, and the runs."""
    fewer = replace(load, limit=STANDARD_CONNECTIONS)
    rounds = [(shown(sender.run(load)), shown(postfix.run(load)), shown(postfix.run(fewer))) for _ in range(runs)]
    return {
        "ratio_to_postfix": _ratio((ours, theirs) for ours, theirs, _ in rounds),
        f"ratio_to_postfix_with_{STANDARD_CONNECTIONS}": _ratio((ours, theirs) for ours, _, theirs in rounds),
        "sender": [asdict(ours) for ours, _, _ in rounds],
        "postfix": [asdict(theirs) for _, theirs, _ in rounds],
        f"postfix_with_{STANDARD_CONNECTIONS}": [asdict(theirs) for _, _, theirs in rounds],
    }


def by_part(sender: LoneSender, load: Load) -> dict[str, float]:
    """The sender's CPU milliseconds for a message by parts: what a run took, as the next one's samples divide it."""
    whole = sender.run(load).cpu_s_per_1000["sender"]
    with sender.delivering(load) as sink, looking_at(sender.pid) as looks:
        all_of(sink, load.messages, SECONDS)
        sender.end()
    return {"whole": whole} | {part: round(share * whole, 3) for part, share in looks.shares.items()}


def memory(sender: LoneSender) -> dict[str, Any]:
    """The MiB that are resident after each 10,000 messages."""
    sender.run(WARM_UP)
    with sender.delivering(Load(MANY, 0, CONNECTIONS)) as sink:
        curve = {}
        for messages in range(STEP, MANY + 1, STEP):
            all_of(sink, messages, SECONDS)
            curve[messages] = round(resident_mib(sender.pid), 1)
            print(f"{messages}: {curve[messages]} MiB", flush=True)
        sender.end()
    return {"resident_mib": curve, "last_to_first": round(curve[MANY] / curve[STEP], 3)}


def shown(run: Delivered) -> Delivered:
    print(asdict(run), flush=True)
    return run


def _ratio(pairs: Iterator[tuple[Delivered, Delivered]]) -> float:
    return round(median(ours.per_s / theirs.per_s for ours, theirs in pairs), 2)


if __name__ == "__main__":
    main()
