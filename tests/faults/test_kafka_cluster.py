"""Three brokers: with one of them lost nothing stops; with two ingest still answers, and everything goes out after.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest
from aiokafka.errors import KafkaError

from deploy.local.stack import Stack
from tests.faults.forms import SEED, Form, full_form
from tests.faults.kafka_cluster import NODES, KafkaCluster, own_cluster
from tests.faults.matrix import Fault, record
from tests.faults.outage import answered_meanwhile, arrived, away
from tests.faults.world import SETTINGS, own_stack, world
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports

ONE_LOST = Fault(
    "Kafka", "one of three brokers killed with kill -9, and not started again", "nothing stops; ingest answers 202"
)
TWO_LOST = Fault(
    "Kafka",
    "two of three brokers killed with kill -9 for 40 s",
    "production stops, ingest answers 202; all goes out after",
)
BROKER_PORTS = 24750


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with own_cluster(tmp_path_factory.mktemp("cluster"), own_ports(BROKER_PORTS)) as made:
        yield made


@pytest.fixture(scope="module")
def stack(cluster: KafkaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    kafka = {"POSTHORN_KAFKA_BOOTSTRAP": cluster.bootstrap, "POSTHORN_TOPIC_REPLICAS": "3"}
    with own_stack(tmp_path_factory.mktemp("on-cluster"), own_ports(24700), {**SETTINGS, **kafka}) as made:
        assert "kafka" not in made.names
        yield made


async def missed(cluster: KafkaCluster, node: int) -> bool:
    with suppress(KafkaError):  # until it is missed, some are sent to ask it
        return await cluster.members() == set(NODES) - {node}
    return False


@pytest.mark.parametrize("form", full_form())
async def test_with_one_of_three_brokers_nothing_stops(cluster: KafkaCluster, stack: Stack, form: Form) -> None:
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            await asyncio.to_thread(cluster.kill, [1])
            running = await there.running()
            meanwhile = await answered_meanwhile(there, away(form))
            await eventually(partial(missed, cluster, 1), seconds=form.seconds, what="two brokers")
        # the node is still away: what was accepted without it ends without it
        judgement = await there.over(form.seconds)
        without = await arrived(there, meanwhile)
    await asyncio.to_thread(cluster.start)
    print(f"{running} under way, {len(meanwhile)} answered and {without} sent without it\n{judgement}")
    record(form, ONE_LOST, judgement)
    assert running
    assert without
    assert not judgement.violations, str(judgement)


@pytest.mark.parametrize("form", full_form())
async def test_with_one_of_three_brokers_left_ingest_answers_and_all_goes_out_after(
    cluster: KafkaCluster, stack: Stack, form: Form
) -> None:
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            await asyncio.to_thread(cluster.kill, [1, 2])
            running = await there.running()
            meanwhile = await answered_meanwhile(there, away(form))
            early = await arrived(there, meanwhile)
        await asyncio.to_thread(cluster.start)
        judgement = await there.over(form.seconds)
    print(f"{running} under way, {len(meanwhile)} answered meanwhile; over after {judgement.quiet_after:.1f} s")
    print(judgement)
    record(form, TWO_LOST, judgement)
    assert running
    assert meanwhile
    assert not early, f"{early} went out with one broker of three"
    assert not judgement.violations, str(judgement)
