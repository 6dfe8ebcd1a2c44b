"""`python -m tests.bench.sizing_document`: writes docs/sizing.md, sizing.md.in with the tables of sizing.py in it."""

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
    STAGES,
    Cell,
    Costs,
    cell,
    cells,
    costs_of,
)  # fmt: skip
from tests.fixtures.sharding import SHARDED

TEMPLATE = Path(__file__).with_name("sizing.md.in")
DOCUMENT = Path(__file__).parents[2] / "docs" / "sizing.md"
MIX = {"google": 0.4, "outlook": 0.12, "office365": 0.08, "yahoo": 0.1, "apple": 0.05}
REPLY_SECONDS = 0.3
STANDARD = 0.8  # of a destination's connections are the standard lane's
SAID_BY = {
    "ingest": "`POSTHORN_MESSAGE_DAYS`",
    "sender": "`POSTHORN_TOMBSTONE_DAYS`",
    "webhooks": "`POSTHORN_WEBHOOK_KEPT_DAYS`",
    "content": "a message's `expires_at`, and 7 days",
}


def document(folder: Path = FOLDER) -> str:
    costs, replicas = costs_of(folder), json.loads((folder / "replicas.json").read_text())
    plans = [(rate, cells(costs, rate), cell(costs, rate / cells(costs, rate))) for rate in RATES]
    one = plans[RATES.index(10_000)][2]
    return TEMPLATE.read_text().format(
        machine=_machine(replicas),
        busy=f"{BUSY:.0%}",
        lane=_round(costs.lane),
        cell=_round(2 * costs.lane * BUSY),
        replicas=REPLICAS,
        days=KAFKA_DAYS,
        shard_cores=SHARD_CORES,
        shard_tb=SHARD_TB,
        chunk=CHUNK_GB,
        shards=one.shards,
        chunks=one.chunks,
        commands=_commands(),
        reply=REPLY_SECONDS,
        standard=STANDARD,
        costs=_costs(costs),
        flat=_flat(replicas),
        plans=_plans(plans),
        kept=_kept(costs),
        sources=_sources(),
    )


def _machine(replicas: Mapping[str, Any]) -> str:
    of = replicas["machine"]
    return f"{of['cores']} cores of an {of['processor']}, {of['memory_gib']} GiB, {of['system'].split('-')[0]}"


def _costs(costs: Costs) -> str:
    rows = [(f"`{role}`", ms) for role, ms in costs.roles.items()]
    rows += [(f"mongod, database `{name}`", ms) for name, ms in costs.mongo.items()]
    rows.append(("Kafka, one broker", costs.kafka))
    head = ("what", "CPU ms a message", f"messages/s of one core at {BUSY:.0%}")
    return _table(head, [(what, f"{ms:.2f}", _round(1000 * BUSY / ms)) for what, ms in rows])


def _flat(replicas: Mapping[str, Any]) -> str:
    rows = []
    for name in STAGES:
        each, flat = replicas[name]["each_at_a_rate"], replicas[name]["flat_out"]
        cpu = [f"{run['cpu_ms']['processes']:.2f}" for run in each]
        ratio = f"{replicas[name]['cpu_of_four_to_one']:.2f}"
        rows.append((f"`{name}`", str(each[0]["rate"]), *cpu, ratio, *(_round(run["per_s"]) for run in flat)))
    return _table(("stage", "each gets/s", "ms: 1", "2", "4", "4 to 1", "flat out/s: 1", "2", "4"), rows)


def _plans(plans: list[tuple[int, int, Cell]]) -> str:
    each = [one for *_, one in plans]
    rows = [
        ("Posthorns (cells)", *(str(count) for _, count, _ in plans)),
        ("messages/s of each", *(_round(one.rate) for one in each)),
        *((f"processes of `{role}`", *(str(one.processes[role]) for one in each)) for role in each[0].processes),
        ("`POSTHORN_TOPIC_PARTITIONS`", *(str(one.partitions) for one in each)),
        ("Kafka: cores of all brokers", *(str(one.kafka_cores) for one in each)),
        ("Kafka: TB of one replica", *(f"{one.kafka_tb:.1f}" for one in each)),
        ("MongoDB: cores of one copy", *(str(one.mongo_cores) for one in each)),
        ("MongoDB: TB of one copy", *(f"{sum(one.mongo_tb.values()):.1f}" for one in each)),
        ("MongoDB: shards", *(str(one.shards) for one in each)),
    ]
    return _table(("of each cell, but the first row", *(f"{rate:,} messages/s" for rate in RATES)), rows)


def _kept(costs: Costs) -> str:
    rows = [
        (f"MongoDB `{name}`", f"{costs.mongo_bytes[name]:,}", str(days), SAID_BY[name])
        for name, days in KEPT_DAYS.items()
    ]
    rows.append(("Kafka, all topics", f"{costs.kafka_bytes:,}", str(KAFKA_DAYS), "the topics' retention"))
    return _table(("where", "bytes a message", "days", "said by"), rows)


def _commands() -> str:
    places = [f"{service}.{name}" for service, names in SHARDED.items() for name in names]
    return "\n".join(f'sh.shardCollection(prefix + "{place}", {{_id: "hashed"}})' for place in places)


def _sources() -> str:
    file, rows = read(OURS.read_text(), OURS.name), []
    for name, share in MIX.items():
        of_one = file.providers[name].connections
        assert of_one is not None
        needed = [ceil(share * rate * REPLY_SECONDS / STANDARD) for rate in RATES[:2]]
        numbers = [of_one, *needed, *(ceil(count / of_one) for count in needed)]
        rows.append((f"`{name}`", f"{share:.0%}", *(f"{number:,}" for number in numbers)))
    first, second = (f"{rate:,}/s" for rate in RATES[:2])
    head = ("provider", "of the mail", "connections of a source", f"needed at {first}", f"at {second}")
    return _table((*head, f"sources at {first}", f"at {second}"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _round(number: float) -> str:
    """To two figures, with commas."""
    return f"{round(number, 2 - len(str(int(number)))):,.0f}"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
