"""`python -m tests.bench.sizing_document`: writes docs/sizing.md, the tables of sizing.py and the words around them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

from services.sender.destinations.table import OURS, read
from tests.bench.results import FOLDER
from tests.bench.sizing import (
    BUSY,
    CHUNK_GB,
    KAFKA_DAYS,
    KEPT_DAYS,
    RATES,
    REPLICAS,
    SHARD_CORES,
    SHARD_TB,
    Cell,
    Costs,
    cell,
    cells,
    costs_of,
)  # fmt: skip
from tests.fixtures.sharding import SHARDED

DOCUMENT = Path(__file__).parents[2] / "docs" / "sizing.md"
MIX = {"google": 0.4, "outlook": 0.12, "office365": 0.08, "yahoo": 0.1, "apple": 0.05}
REPLY_SECONDS = 0.3
STANDARD = 0.8  # of a destination's connections are the standard lane's


def document(folder: Path = FOLDER) -> str:
    costs, replicas = costs_of(folder), json.loads((folder / "replicas.json").read_text())
    made = [(rate, cells(costs, rate), cell(costs, rate / cells(costs, rate))) for rate in RATES]
    parts = [
        HEAD.format(machine=_machine(replicas), busy=f"{BUSY:.0%}"),
        _costs(costs),
        FLAT,
        _flat(replicas),
        PLANS.format(busy=BUSY, lane=_round(costs.lane), cell=_round(2 * costs.lane * BUSY)),
        _plans(made),
        READING.format(shard_cores=SHARD_CORES, shard_tb=SHARD_TB, chunk=CHUNK_GB, replicas=REPLICAS, days=KAFKA_DAYS),
        _kept(costs),
        SHARDS.format(commands=_commands(), chunks=made[1][2].chunks, shards=made[1][2].shards),
        SOURCES.format(reply=REPLY_SECONDS, standard=STANDARD),
        _sources(),
        SOURCES_AFTER,
    ]
    return "\n".join(parts)


def _machine(replicas: Mapping[str, Any]) -> str:
    of = replicas["machine"]
    return f"{of['cores']} cores of an {of['processor']}, {of['memory_gib']} GiB, {of['system'].split('-')[0]}"


def _costs(costs: Costs) -> str:
    rows = [(f"`{role}`", f"{ms:.2f}", f"{_round(1000 * BUSY / ms)}") for role, ms in costs.roles.items()]
    rows += [
        (f"mongod, database `{name}`", f"{ms:.2f}", f"{_round(1000 * BUSY / ms)}") for name, ms in costs.mongo.items()
    ]
    rows.append(("Kafka, one broker", f"{costs.kafka:.2f}", f"{_round(1000 * BUSY / costs.kafka)}"))
    return _table(("what", "CPU ms a message", f"messages/s of one core at {BUSY:.0%}"), rows)


def _flat(replicas: Mapping[str, Any]) -> str:
    names = [name for name, of in replicas.items() if isinstance(of, Mapping) and "flat_out" in of]
    rows = []
    for name in names:
        each, flat = replicas[name]["each_at_a_rate"], replicas[name]["flat_out"]
        cpu = [f"{run['cpu_ms']['processes']:.2f}" for run in each]
        rate = [f"{_round(run['per_s'])}" for run in flat]
        rows.append((f"`{name}`", str(each[0]["rate"]), *cpu, f"{replicas[name]['cpu_of_four_to_one']:.2f}", *rate))
    return _table(("stage", "each gets/s", "ms: 1", "2", "4", "4 to 1", "flat out/s: 1", "2", "4"), rows)


def _plans(made: list[tuple[int, int, Cell]]) -> str:
    cases = [one for *_, one in made]
    rows = [("Posthorns (cells)", *(str(count) for _, count, _ in made))]
    rows.append(("messages/s of each", *(f"{_round(one.rate)}" for one in cases)))
    rows += [(f"processes of `{role}`", *(str(one.processes[role]) for one in cases)) for role in cases[0].processes]
    rows.append(("`POSTHORN_TOPIC_PARTITIONS`", *(str(one.partitions) for one in cases)))
    rows.append(("Kafka: cores of all brokers", *(str(one.kafka_cores) for one in cases)))
    rows.append(("Kafka: TB of one replica", *(f"{one.kafka_tb:.1f}" for one in cases)))
    rows.append(("MongoDB: cores of one copy", *(str(one.mongo_cores) for one in cases)))
    rows.append(("MongoDB: TB of one copy", *(f"{sum(one.mongo_tb.values()):.1f}" for one in cases)))
    rows.append(("MongoDB: shards", *(str(one.shards) for one in cases)))
    return _table(("of each cell, but the first row", *(f"{rate:,} messages/s" for rate in RATES)), rows)


def _kept(costs: Costs) -> str:
    settings = {
        "ingest": "`POSTHORN_MESSAGE_DAYS`", "sender": "`POSTHORN_TOMBSTONE_DAYS`",
        "webhooks": "`POSTHORN_WEBHOOK_KEPT_DAYS`", "content": "a message's `expires_at`, and 7 days",
    }  # fmt: skip
    rows = [
        (f"`{name}`", f"{costs.mongo_bytes[name]:,}", str(days), settings[name]) for name, days in KEPT_DAYS.items()
    ]
    rows.append(("all topics", f"{costs.kafka_bytes:,}", str(KAFKA_DAYS), "the topics' retention"))
    return _table(("where", "bytes a message", "days, above", "said by"), rows)


def _commands() -> str:
    return "\n".join(
        f'sh.shardCollection("posthorn_{service}.{name}", {{_id: "hashed"}})'
        for service, names in SHARDED.items()
        for name in names
    )


def _sources() -> str:
    file = read(OURS.read_text(), OURS.name)
    rows = []
    for name, share in MIX.items():
        of = file.providers[name]
        connections = {rate: ceil(share * rate * REPLY_SECONDS / STANDARD) for rate in RATES[:2]}
        assert of.connections is not None
        sources = [f"{ceil(count / of.connections):,}" for count in connections.values()]
        rows.append(
            (
                f"`{name}`",
                f"{share:.0%}",
                str(of.connections),
                *(f"{count:,}" for count in connections.values()),
                *sources,
            )
        )
    first, second = (f"{rate:,}/s" for rate in RATES[:2])
    return _table(
        (
            "provider",
            "of the mail",
            "connections of a source",
            f"needed at {first}",
            second,
            f"sources at {first}",
            second,
        ),
        rows,
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _round(number: float) -> str:
    """To two figures, with commas."""
    digits = 2 - len(str(int(number)))
    return f"{round(number, digits):,.0f}"


HEAD = """\
# Sizing

Made by `python -m tests.bench.sizing_document` from the results of the benches, [tests/bench/results](../tests/bench/results);
a test fails where it is stale. Measured on {machine}, with servers and load on the same machine. Beyond what two cores
do it is arithmetic: nobody has measured 10,000 messages a second. Run `make bench` on a machine like yours and the
command above, and the tables are yours.

## What a message costs

One recipient, 2 KiB of text, one attempt, one webhook; each figure is the dearest of the runs. A core is planned to be
busy for {busy} of the time: the rest is for peaks, and for the part of a neighbour that is gone.
"""
FLAT = """\
An API request with many recipients, or a batch, costs a fifth of that at the door; a message by SMTP costs the door
`smtp` about twice as much as one by HTTP. A retry costs the router, the suppression check and the sender once more.

The cost does not grow with the number of processes. One, two and four of each, on four partitions: every one of them
with the same messages to do a second (left), and all as fast as two cores let them (right). Where the machine is full,
further processes make smaller batches of the same work and nothing faster: add them when those that there are are busy.
"""
PLANS = """\
## Processes, partitions, servers

- **Processes** of a role: messages/s × ms ÷ 1000 ÷ {busy}, at least two. Memory: 200 MiB each and the buffers of
  [operations.md](operations.md#memory).
- **Partitions**: as many as the most numerous role that reads topics has processes, since a partition is one process's.
- **A relay** publishes {lane} messages a second of its lane where nothing holds it back, and a lane is one relay's at a
  time. So one Posthorn is planned for {cell} messages/s in both lanes together; above that, several (*cells*) have the
  workspaces among them. A cell is a Posthorn with topics and databases of its own: prefixes or clusters, one chart
  release each. What leads a workspace's callers to its cell is a host name (`eu1.mail.example`) or the gateway's rule
  by key. Nothing is shared between cells, so one that is lost takes its workspaces' mail along and nobody else's.
"""
READING = """\
All roles with {replicas} replicas of Kafka's topics ({days} days of records, a broker's disks twice that for peaks) and three members of
each of MongoDB's shards, each member with the cores of its shard. A shard more for each {shard_cores} cores and each {shard_tb:g} TB. What is kept,
and for how long in this arithmetic, is by far the larger part of it:
"""
SHARDS = """\
Addresses on the suppression list take about 1.5 KB each, whatever the rate.

## MongoDB in shards

As long as one replica set does it, have one. Then a sharded cluster, `POSTHORN_MONGO_URL` naming its routers. Each
database has its own primary shard (`movePrimary`), and what grows with every message is spread over all of them by the
hash of its `_id` before the first message:

```js
{commands}
```

Ids begin with the time, so that a range of them would be one shard's work at a time; hashed, every shard has its part
of every second. No unique index is on these collections, and every write of one document names its `_id`: all
integration tests hold to it (`tests/integration/conftest.py`), but a `mongos` was not to be had where this was built,
so that a cluster itself is untested. Lists of a workspace ask every shard, out of an index on each. Everything else
(entities, `submissions` with their unique keys, suppressions, health) is small or short-lived and stays on its
database's primary shard; of `submissions` that is 0.4 ms a message.

Chunks: at 10,000 messages/s and {shards} shards there are {chunks:,} of 1 GB. Set that size (the default of 128 MB makes eight
times as many), and let `numInitialChunks` be two for each shard; hashed and filled evenly, they need no balancing.
"""
SOURCES = """\
## Sources

Mail leaves by addresses, and a provider bounds what it takes of one. Connections that are needed are messages/s ×
seconds of a reply ({reply:g} here) ÷ {standard:g} (the standard lane's part of them). Our table's numbers for one source:
"""
SOURCES_AFTER = """\
The table is cautious, as for addresses without a name: several providers have a total over all sources as well, which
holds whatever the number of them. Who sends this much has agreements and years of reputation, and says so in a file of
their own ([destinations.md](destinations.md#the-provider-table)): fewer sources with more connections each. New
addresses are [warmed up](destinations.md#warm-up). A sender process holds some hundred connections; give it as many
file descriptors and a thousand more.
"""


if __name__ == "__main__":
    DOCUMENT.write_text(document())
