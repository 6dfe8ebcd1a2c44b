"""What a number of messages a second takes, by the kept results of the benches. Pure but for reading those."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.results import FOLDER

RATES = (1_000, 10_000, 100_000)  # messages a second
BUSY = 0.6  # of a core, or of a relay's rate: the rest is for peaks and for the part of a process that is gone
SHARD_CORES, SHARD_TB = 16, 4.0  # of a member, beyond which there is one more shard
CHUNK_GB = 1.0
REPLICAS = 3
KAFKA_DAYS = 7
KEPT_DAYS = {"ingest": 30, "sender": 31, "webhooks": 30, "content": 9}
SECONDS_A_DAY = 86_400
STAGES = {
    "router": "router:route", "suppression": "suppression:check", "sender": "sender:deliver",
    "webhooks": "webhooks:dispatch", "projector": "ingest:projector",
}  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """Of one message: CPU milliseconds of each role's processes, of mongod by database, of one broker; bytes on disk by
    database, and on Kafka of all topics. `lane` is how many messages a second one relay publishes."""

    roles: Mapping[str, float]
    mongo: Mapping[str, float]
    kafka: float
    mongo_bytes: Mapping[str, int]
    kafka_bytes: int
    lane: float


@dataclass(frozen=True)
class Cell:
    """One Posthorn for so many messages a second: its processes by role, its topics' partitions, cores of MongoDB (of
    one copy, all databases together) and of all brokers, terabytes of one copy of both."""

    rate: float
    processes: Mapping[str, int]
    partitions: int
    mongo_cores: int
    mongo_tb: Mapping[str, float]
    kafka_cores: int
    kafka_tb: float

    @property
    def shards(self) -> int:
        return max(ceil(self.mongo_cores / SHARD_CORES), ceil(sum(self.mongo_tb.values()) / SHARD_TB))

    @property
    def chunks(self) -> int:
        return ceil(sum(self.mongo_tb.values()) * 1000 / CHUNK_GB)


def costs_of(folder: Path = FOLDER) -> Costs:
    results = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("ingest", "relay", "replicas")}
    door, relay, replicas = results["ingest"]["ingest"], results["relay"], results["replicas"]
    stages = {name: _dearest(replicas[name]["flat_out"]) for name in STAGES}
    of_relay = {name: median(run["cpu_ms"][name] for run in relay["runs"]) for name in ("relay", "mongod", "kafka")}
    accept = median(run["cpu_s_per_1000"]["mongod"] for run in door)
    return Costs(
        roles={
            "ingest:http": median(run["cpu_s_per_1000"]["http"] for run in door),
            "ingest:relay": of_relay["relay"],
            **{role: stages[name]["processes"] for name, role in STAGES.items()},
        },
        mongo={
            "ingest": accept + of_relay["mongod"] + stages["projector"]["mongod"],
            "sender": stages["sender"]["mongod"],
            "webhooks": stages["webhooks"]["mongod"],
        },
        kafka=of_relay["kafka"] + sum(each["kafka"] for each in stages.values()),
        mongo_bytes={
            "ingest": replicas["projector"]["kept_bytes"]["mongo"]["ingest"],
            "sender": replicas["sender"]["kept_bytes"]["mongo"]["sender"],
            "content": replicas["sender"]["kept_bytes"]["mongo"]["content"],
            "webhooks": replicas["webhooks"]["kept_bytes"]["mongo"]["webhooks"],
        },
        kafka_bytes=sum(_topics(replicas).values()),
        lane=relay["per_s"],
    )


def _dearest(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {name: max(run["cpu_ms"][name] for run in runs) for name in runs[0]["cpu_ms"]}


def _topics(replicas: Mapping[str, Any]) -> dict[str, int]:
    """Each topic once, however many of the stages it was measured in."""
    sizes: dict[str, int] = {}
    for stage in STAGES:
        for topic, size in replicas[stage]["kept_bytes"]["kafka"].items():
            sizes[topic] = max(size, sizes.get(topic, 0))
    return sizes


def cell(costs: Costs, rate: float) -> Cell:
    processes = {role: max(2, _cores(rate, ms)) for role, ms in costs.roles.items()}
    shared = max(count for role, count in processes.items() if role not in ("ingest:http", "ingest:relay"))
    return Cell(
        rate=rate,
        processes=processes,
        partitions=max(6, shared + shared % 2),
        mongo_cores=_cores(rate, sum(costs.mongo.values())),
        kafka_cores=REPLICAS * _cores(rate, costs.kafka),
        mongo_tb={name: rate * SECONDS_A_DAY * KEPT_DAYS[name] * of / 1e12 for name, of in costs.mongo_bytes.items()},
        kafka_tb=rate * SECONDS_A_DAY * KAFKA_DAYS * costs.kafka_bytes / 1e12,
    )


def _cores(rate: float, ms: float) -> int:
    return ceil(rate * ms / 1000 / BUSY)


def cells(costs: Costs, rate: float) -> int:
    """How many Posthorns share the workspaces: a lane is one relay's, and there are two lanes."""
    return ceil(rate / (2 * costs.lane * BUSY))
