"""The pipeline end to end beside Postfix, in turn, on this machine.

One recipient a request, 2 KiB on the wire, DKIM, one trace in a hundred, delivered to smtp-sink: at saturation with
webhooks off and on, and at half of that rate. Postfix, as Debian ships it, takes the same number of messages and bytes
from smtp-source and relays them to smtp-sink.

`python -m tests.bench.pipeline [--messages 10000] [--runs 3]`
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from statistics import median

from tests.bench.postfix import Postfix, Relayed, running_postfix
from tests.bench.posthorn import Posthorn, Run, running_posthorn
from tests.bench.results import keep

PORT_BASE = 20600
POSTFIX_PORT, POSTFIX_SINK_PORT = 20525, 20526
BYTES = 2048
POSTFIX_WARM_UP, HOOKS_WARM_UP = 1000, 2000
Pairs = list[tuple[Run, Relayed]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with (
        running_postfix(POSTFIX_PORT, POSTFIX_SINK_PORT) as postfix,
        running_posthorn(PORT_BASE) as posthorn,
    ):
        postfix.run(POSTFIX_WARM_UP, BYTES)
        posthorn.warm_up()
        off = in_turn(postfix, posthorn, given.messages, given.runs, webhooks=False)
        half = posthorn.run(given.messages, rate=median(ours.per_s for ours, _ in off) / 2)
        show(half)
        posthorn.subscribe()
        posthorn.run(HOOKS_WARM_UP, webhooks=True)
        on = in_turn(postfix, posthorn, given.messages, given.runs, webhooks=True)
    keep("pipeline-half-load", asdict(half))
    keep("pipeline-webhooks-on", summary(on))
    keep("pipeline", summary(off))


def in_turn(postfix: Postfix, posthorn: Posthorn, messages: int, runs: int, *, webhooks: bool) -> Pairs:
    """The runs of both, one of each after the other, so that both meet the same moods of the machine."""
    pairs: Pairs = []
    for _ in range(runs):
        theirs = postfix.run(messages, BYTES)
        show(theirs)
        ours = posthorn.run(messages, webhooks=webhooks)
        show(ours)
        pairs.append((ours, theirs))
    return pairs


def show(run: Run | Relayed) -> None:
    print(f"{type(run).__name__}: {asdict(run)}", flush=True)


def summary(pairs: Pairs) -> dict[str, object]:
    """The median of the ratios of the pairs, and the runs.

    Both count to the last message at the sink; with webhooks ours goes on to the last of them.
    """
    ratios = [(ours.done_per_s if ours.webhooks else ours.per_s) / theirs.per_s for ours, theirs in pairs]
    return {
        "ratio_to_postfix": round(median(ratios), 2),
        "posthorn": [asdict(ours) for ours, _ in pairs],
        "postfix": [asdict(theirs) for _, theirs in pairs],
    }


if __name__ == "__main__":
    main()
