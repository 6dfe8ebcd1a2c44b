"""Three Kafka nodes as one cluster, for what happens to a Posthorn when it loses some of them."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka_server import KafkaServer, Quorum, new_cluster_id
from deploy.local.starting import start_together, stop_together

NODES = (1, 2, 3)


class KafkaCluster:
    """Nodes that are brokers and controllers at the same time; ports from `first_port` on, two for each."""

    def __init__(self, home: Path, first_port: int) -> None:
        controllers = {node: first_port + 2 * index + 1 for index, node in enumerate(NODES)}
        quorum = Quorum(controllers, new_cluster_id())
        self.nodes = {
            node: KafkaServer(home / f"node{node}", port - 1, port, node=node, quorum=quorum)
            for node, port in controllers.items()
        }

    @property
    def bootstrap(self) -> str:
        """What clients connect to: all nodes, comma separated."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self, nodes: Iterable[int] = NODES) -> None:
        """Starts those that do not run and waits until they take connections."""
        start_together([self.nodes[node] for node in nodes], lambda text: None)

    def kill(self, nodes: Iterable[int]) -> None:
        """Ends nodes with SIGKILL, all before any is waited for."""
        processes = [self.nodes[node].process for node in nodes]
        for process in processes:
            assert process.signal(signal.SIGKILL), f"{process.pid_file} names no running process"
        for process in processes:
            assert process.wait_ended(10)

    async def members(self) -> set[int]:
        """The nodes that the cluster counts as its own now: one that was killed until it is missed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            return {broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]}
        finally:
            await admin.close()

    def end(self) -> None:
        """Ends what runs, for good."""
        for node in self.nodes.values():
            node.process.signal(signal.SIGKILL)
        stop_together(self.nodes.values(), lambda text: None)


@contextmanager
def own_cluster(home: Path, first_port: int) -> Iterator[KafkaCluster]:
    made = KafkaCluster(home, first_port)
    try:
        made.start()
        yield made
    finally:
        made.end()
