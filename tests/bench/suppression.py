"""The suppression service alone, with a million entries: how long they take to import, what a check of 500 addresses
takes, and how many messages a process checks.

One message in twenty goes to an address of the list. Flat out: the messages are there before the process starts, and
count from the first that passes to the last. At a rate: how late each passes after it was routed.

`python -m tests.bench.suppression [--entries 1000000] [--messages 50000] [--rate 1000]`
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from random import Random
from typing import Any, TypeVar

from deploy.local.stack import Stack
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack
from tests.bench.processes import Meter, forget_peak
from tests.bench.results import keep
from tests.bench.suppressing import Suppressing, listed
from tests.bench.workspace import until

PORT_BASE = 21800
PARTS = ("kafka", "mongod", "http", "suppression")
CHECKS, AT_ONCE = 200, 500
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=1000)
    given = parser.parse_args()
    with running_stack(PORT_BASE, {}, PARTS) as stack:
        bench = Suppressing(stack.env, stack.env["POSTHORN_PUBLIC_URL"])
        bench.configure()
        found = {
            "entries": given.entries,
            "import": imported(stack, bench, given.entries),
            "mib": shown(bench.size()),
            "check_of_500_ms": checked(bench, given.entries),
            "flat_out": flat_out(stack, bench, given.messages, given.entries),
            "at_a_rate": at_a_rate(bench, given.messages, given.entries, given.rate),
        }
    keep("suppression", found)


def imported(stack: Stack, bench: Suppressing, entries: int) -> dict[str, Any]:
    """The import, and until the last of its changes is published."""
    meter = Meter.of(pids(stack))
    seconds = bench.fill(entries)
    used = meter.per_thousand(entries)
    until(lambda: not bench.unpublished(), "the last change's publication")
    found = {"seconds": round(seconds, 1), "per_s": round(entries / seconds), "cpu_s_per_1000": used}
    return shown(found | {"published_cpu_s_per_1000": meter.per_thousand(entries)})


def checked(bench: Suppressing, entries: int) -> dict[str, float]:
    """Half of the addresses are in the list."""
    draw = Random(7)
    waits = []
    for _ in range(CHECKS):
        numbers = [draw.randrange(2 * entries) for _ in range(AT_ONCE)]
        waits.append(bench.check([listed(number) for number in numbers]))
    return shown(asdict(Percentiles.of(waits)))


def flat_out(stack: Stack, bench: Suppressing, messages: int, entries: int) -> dict[str, Any]:
    stack.stop("suppression")
    begin = bench.ends()
    bench.route(messages, entries)
    stack.start("suppression")

    def through() -> int:
        return sum(bench.ends().values()) - sum(begin.values())

    while not (first := through()):
        pass
    meter = Meter.of(pids(stack))
    forget_peak(meter.pids["suppression"])
    until(lambda: through() >= messages, "the last message")
    passed = bench.passed_since(begin)
    return shown({
        "messages": passed.messages,
        "stopped": passed.stopped,
        "per_s": round(passed.messages / passed.seconds),
        "cpu_s_per_1000": meter.per_thousand(messages - first),
        "peak_mib": meter.peaks()["suppression"],
    })  # fmt: skip


def at_a_rate(bench: Suppressing, messages: int, entries: int, rate: float) -> dict[str, Any]:
    begin = bench.ends()
    bench.route(messages, entries, rate)
    until(lambda: sum(bench.ends().values()) - sum(begin.values()) >= messages, "the last message")
    passed = bench.passed_since(begin)
    return shown({"per_s": round(passed.messages / passed.seconds), "passed_ms": asdict(Percentiles.of(passed.late))})


def pids(stack: Stack) -> dict[str, int]:
    return {name: pid for name in PARTS if (pid := stack.pid(name))}


def shown(found: T) -> T:
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
