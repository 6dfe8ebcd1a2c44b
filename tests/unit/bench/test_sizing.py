"""The arithmetic of docs/sizing.md."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.sizing import BUSY, Costs, cell, cells

COSTS = Costs(
    roles={"ingest:http": 1.0, "ingest:relay": 0.06, "router:route": 0.15, "sender:deliver": 2.0},
    mongo={"ingest": 1.0, "sender": 0.8},
    kafka=0.3,
    mongo_bytes={"ingest": 2_000},
    kafka_bytes=3_000,
    lane=9_000.0,
)


def test_a_role_has_processes_for_its_share_of_busy_cores_and_never_less_than_two() -> None:
    one = cell(COSTS, 1_200)
    assert one.processes == {"ingest:http": 2, "ingest:relay": 2, "router:route": 2, "sender:deliver": 4}
    assert cell(COSTS, 6_000).processes["ingest:http"] == 6_000 / 1_000 / BUSY


def test_partitions_are_for_the_most_numerous_reader_and_not_for_the_api() -> None:
    assert cell(COSTS, 10).partitions == 6
    assert cell(COSTS, 4_500).partitions == 16  # fifteen senders
    assert cell(replace(COSTS, roles={**COSTS.roles, "ingest:http": 9.0}), 4_500).partitions == 16


def test_disks_hold_what_is_kept_for_as_long_as_it_is() -> None:
    one = cell(COSTS, 1_000)
    assert round(one.mongo_tb["ingest"], 3) == 5.184  # 1,000 × 86,400 × 30 days × 2 kB
    assert round(one.kafka_tb, 3) == 1.814  # 1,000 × 86,400 × 7 days × 3 kB
    assert (one.shards, one.chunks) == (2, 5_184)


def test_a_shard_more_where_cores_ask_for_it() -> None:
    assert cell(replace(COSTS, mongo_bytes={}), 10_000).shards == 2  # 30 cores


def test_cells_are_as_many_as_keep_both_lanes_relays_from_their_limit() -> None:
    assert [cells(COSTS, rate) for rate in (1_000, 10_800, 10_801, 100_000)] == [1, 1, 2, 10]
