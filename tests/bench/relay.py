"""How fast one lane's relay is where nothing downstream holds it back: one process at a time has a lane's lease, so
what it costs and what it publishes a second bound a deployment, however many processes there are.

Requests of one message each wait in `submissions`; the relay runs in this process, told that all before it is read.

`python -m tests.bench.relay [--messages 20000] [--runs 3]`
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

from services.ingest.publication.relay import Relay
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store.relay import Relayed
from shared.contracts.topics import Lane
from shared.kafka.lag import Lag
from shared.mongo.due import Tenure
from shared.service import Base
from tests.bench.ingest import bodies, running_ingest
from tests.bench.processes import Meter
from tests.bench.results import keep
from tests.fixtures.settings import settings_as

WARM_UP, SERVERS = 2_000, ("kafka", "mongod")
READ_A_TURN = 1_000_000  # more than any relay publishes


@dataclass(frozen=True)
class Published:
    """One run: all that waited, until it was marked as published; CPU milliseconds for a message."""

    messages: int
    per_s: float
    cpu_ms: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with running_ingest() as (ingest, sender):
        one, *_ = bodies(sender)
        settings, servers = settings_as(Settings, ingest.environ), {name: ingest.pids[name] for name in SERVERS}
        runs = []
        for messages in (WARM_UP, *[given.messages] * given.runs):
            ingest.take(one, messages)
            runs.append(asyncio.run(published(settings, messages, servers)))
            print(runs[-1], flush=True)
    counted = runs[1:]
    result = {
        "per_s": median(run.per_s for run in counted),
        "cpu_ms": median(run.cpu_ms["relay"] for run in counted),
    }
    keep("relay", result | {"runs": [asdict(run) for run in counted]})


async def published(settings: Settings, messages: int, servers: Mapping[str, int]) -> Published:
    """Publishes what waits in the standard lane, turn after turn."""
    base = Base("ingest", settings, {"relay"})
    tenure = HeldTenure(Tenure(base.database, "relay.bench", 60), 60)
    relay = Relay(Lane.STANDARD, Relayed(base.database), base.publisher, base.tracing, tenure, settings)
    async with base.kafka:
        await base.kafka.connected.wait()
        meter, began, used = Meter.of(servers), time.monotonic(), time.process_time()
        turns = done = 0
        while done < messages:
            turns += 1
            unhindered(relay, turns)
            await relay.turn()
            done += relay.allowance.spent
        seconds, used = time.monotonic() - began, time.process_time() - used
        cpu = {"relay": round(used / done * 1000, 3)} | meter.per_thousand(done)
    base.client.close()
    return Published(done, round(done / seconds, 1), cpu)


def unhindered(relay: Relay, turn: int) -> None:
    """Nothing is unread on any of the relay's paths, and all of it was read a moment ago."""
    allowance = relay.allowance
    lags = {reader: Lag(0, turn * READ_A_TURN) for path in allowance.paths for reader in path}
    allowance.measured(lags, allowance.spent, float(turn))


if __name__ == "__main__":
    main()
