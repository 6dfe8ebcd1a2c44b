"""Ingest alone, beside a FastAPI route that returns a constant, in turn, on this machine.

One process takes requests of 2 KiB over 40 connections; each answer comes after MongoDB's majority has the message.
Nothing behind ingest runs. Measured: one recipient a request (requests/s, and their ratio to the constant route), the
time to answer at half of that rate, and recipients/s with 50 recipients a request and with 50 sends a batch.

`python -m tests.bench.ingest [--requests 20000] [--runs 3]`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median
from typing import Any

from deploy.local.parts import http_ready
from deploy.local.processes import wait_until
from tests.bench.generator import Plan
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack
from tests.bench.processes import Meter, forget_peak
from tests.bench.results import keep
from tests.bench.workspace import TEXT
from tests.e2e.account import bootstrap

PORT_BASE = 21000
CONSTANT_PORT = 21090
BEHIND = ("smtp", "ingest", "router", "suppression", "sender", "webhooks", "sink", "receiver")
MANY = 50
WARM_UP = 4000
SECONDS = 600


@dataclass(frozen=True)
class Taken:
    """One run against one server; CPU seconds are per 1,000 requests."""

    requests: int
    rate: float | None
    per_s: float
    recipients_per_s: float
    waits_ms: Percentiles
    cpu_s_per_1000: dict[str, float]
    peak_mib: dict[str, float]


@dataclass(frozen=True)
class Server:
    """Something that takes requests; `pids` are the processes that are measured."""

    port: int
    token: str
    pids: dict[str, int]
    environ: Mapping[str, str] = field(default_factory=dict)

    def take(
        self,
        body: dict[str, Any],
        requests: int,
        *,
        recipients: int = 1,
        rate: float | None = None,
        batch: bool = False,
    ) -> Taken:
        path, code = ("/v1/emails/batch", "200") if batch else ("/v1/emails", "202")
        plan = Plan("127.0.0.1", self.port, self.token, json.dumps(body), requests, 40, rate, path)
        meter = Meter.of(self.pids)
        for pid in self.pids.values():
            forget_peak(pid)
        command = [sys.executable, "-m", "tests.bench.generator", json.dumps(asdict(plan))]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=SECONDS)
        made = json.loads(done.stdout)
        assert list(made["codes"]) == [code], made["codes"]
        per_s = requests / (made["ended"] - made["started"])
        taken = Taken(
            requests=requests,
            rate=rate,
            per_s=round(per_s, 1),
            recipients_per_s=round(per_s * recipients, 1),
            waits_ms=Percentiles(**made["waits_ms"]),
            cpu_s_per_1000=meter.per_thousand(requests),
            peak_mib=meter.peaks(),
        )
        print(f"{path} x {recipients} at {self.port}: {asdict(taken)}", flush=True)
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with running_constant() as constant, running_ingest() as (ingest, sender):
        one, many, batch = bodies(sender)
        for server in (constant, ingest):
            server.take(one, WARM_UP)
        pairs = [(constant.take(one, given.requests), ingest.take(one, given.requests)) for _ in range(given.runs)]
        half = ingest.take(one, given.requests // 2, rate=median(ours.per_s for _, ours in pairs) / 2)
        fewer = given.requests // MANY
        in_one = [ingest.take(many, fewer, recipients=MANY) for _ in range(given.runs)]
        in_batches = [ingest.take(batch, fewer, recipients=MANY, batch=True) for _ in range(given.runs)]
    result = {
        "ratio_to_constant": round(median(ours.per_s / theirs.per_s for theirs, ours in pairs), 2),
        "requests_per_s": median(ours.per_s for _, ours in pairs),
        "recipients_per_s_of_one_request": median(taken.recipients_per_s for taken in in_one),
        "recipients_per_s_of_batches": median(taken.recipients_per_s for taken in in_batches),
        "waits_ms_at_half_load": asdict(half.waits_ms),
    }
    runs = {"constant": [each for each, _ in pairs], "ingest": [each for _, each in pairs], "half": [half]}
    runs |= {"many": in_one, "batch": in_batches}
    keep("ingest", result | {name: [asdict(taken) for taken in each] for name, each in runs.items()})


def bodies(sender: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A send to one, a send to many, and a batch of sends to one."""
    one = {"from": sender, "to": ["to+{n}@sink.test"], "subject": "Your order", "text": TEXT}
    many = one | {"to": [f"to+{{n}}.{number}@sink.test" for number in range(MANY)]}
    return one, many, {"emails": [one | {"to": [to]} for to in many["to"]]}


@contextmanager
def running_constant() -> Iterator[Server]:
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.constant", str(CONSTANT_PORT)])
    try:
        if not wait_until(partial(http_ready, CONSTANT_PORT), 20):
            raise TimeoutError("the constant route does not answer")
        yield Server(CONSTANT_PORT, "none", {"constant": process.pid})
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running_ingest() -> Iterator[tuple[Server, str]]:
    """Ingest's http process of a stack, nothing behind it but the servers, and the address that its workspace sends
    from."""
    with running_stack(PORT_BASE, {}) as stack:
        home = bootstrap(stack, "shop", "no-reply@shop.example")
        for name in BEHIND:
            stack.stop(name)
        pids = {name: pid for name in ("http", "mongod", "kafka") if (pid := stack.pid(name))}
        yield Server(stack.ports["http"], home["api_key"], pids, stack.env), home["sender"]


if __name__ == "__main__":
    main()
