"""Kafka nodes in KRaft mode, one alone or several as a cluster; the state of each is kept below its `home`."""

import base64
import os
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from deploy.local.errors import StartError
from deploy.local.install import HERE, Say, kafka_libs
from deploy.local.java import find_java
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess

JVM_VARIABLE = "KAFKA_JVM_PERFORMANCE_OPTS"


@dataclass(frozen=True)
class Quorum:
    """The nodes of a cluster: the port of each one's controller, by its id. A lone node is a quorum of one."""

    controllers: Mapping[int, int]
    cluster: str

    @property
    def voters(self) -> str:
        return ",".join(f"{node}@{HOST}:{port}" for node, port in self.controllers.items())

    @property
    def replicas(self) -> int:
        """Of the broker's own topics; three are enough for any cluster."""
        return min(3, len(self.controllers))


def new_cluster_id() -> str:
    """What every node of one cluster is formatted with."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def jvm_options() -> list[str]:
    """How the JVM runs: as Kafka's own variable says, else for a quick start, which is half of what a short life costs:
    the compiler that takes longest gains nothing before a broker has been busy for minutes."""
    return os.environ.get(JVM_VARIABLE, "-XX:+UseSerialGC -XX:TieredStopAtLevel=1").split()


class KafkaServer:
    """Broker and controller in one process, bound to the loopback address; node `node` of `quorum`, or alone."""

    name = "kafka"
    start_seconds = 90.0
    stop_seconds = 20.0

    def __init__(
        self, home: Path, port: int, controller_port: int, *, node: int = 1, quorum: Quorum | None = None
    ) -> None:
        self.folder = home / "kafka"
        self.data = self.folder / "data"
        self.port = port
        self.controller_port = controller_port
        self.process = DetachedProcess(self.name, home)
        self._node = node
        self._quorum = quorum or Quorum({node: controller_port}, new_cluster_id())

    @property
    def bootstrap(self) -> str:
        """What clients connect to: `host:port`."""
        return f"{HOST}:{self.port}"

    def start(self, say: Say) -> None:
        """Install what is missing, format the storage the first time, and start the node without waiting for it."""
        libs, java = kafka_libs(say), find_java(say)
        properties = self._write_properties()
        if not (self.data / "meta.properties").exists():
            self._format(java, libs, properties)
        log4j = f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.properties'}"
        options = ["-Xmx512m", "-Xms256m", *jvm_options(), "-XX:+ExitOnOutOfMemoryError", log4j]
        command = [java, *options, "-cp", f"{libs}/*", "kafka.Kafka", str(properties)]
        self.process.start(command, os.environ, self.folder)

    def ready(self) -> bool:
        """Whether it takes connections; a node opens its port last, when it is registered with its controller."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1):
                return True
        except OSError:
            return False

    def _write_properties(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        template = Template((HERE / "kafka" / "server.properties.in").read_text())
        properties = self.folder / "server.properties"
        properties.write_text(
            template.substitute(
                node=self._node,
                voters=self._quorum.voters,
                port=self.port,
                controller_port=self.controller_port,
                data=self.data,
                replicas=self._quorum.replicas,
                in_sync=max(1, self._quorum.replicas - 1),
            )
        )
        return properties

    def _format(self, java: str, libs: Path, properties: Path) -> None:
        # "=" joins the value, because a cluster id may begin with a dash
        command = [
            java,
            *jvm_options(),
            "-cp",
            f"{libs}/*",
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={self._quorum.cluster}",
        ]
        done = subprocess.run([*command, "-c", str(properties)], capture_output=True, text=True)
        if done.returncode:
            raise StartError("kafka: its storage could not be formatted", done.stdout + done.stderr)
