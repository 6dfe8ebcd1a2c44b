"""A Kafka that takes nobody without TLS and a password, and allows nothing that no ACL allows."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from deploy.local.install import Say, kafka_libs
from deploy.local.java import find_java
from deploy.local.kafka_server import jvm_options, new_cluster_id
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess

ADMIN = "kafka-admin"
NODE = "kafka-node"
DENIED = "is Denied"

# Brokers and controller know each other by certificate, clients come with a password.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=CLIENTS://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENTS://{host}:{port}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{admin}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.controller.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^.*CN=([^,]*).*$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin};User:{node}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""
LOGGING = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
logger.authorizer.name=kafka.authorizer.logger
logger.authorizer.level=info
"""


class SecuredKafka:
    """One node; `ADMIN` is its administrator, with `password`."""

    name = "kafka"
    start_seconds = 120.0
    stop_seconds = 20.0

    def __init__(self, home: Path, port: int, controller_port: int, certificate: Path, ca: Path, password: str) -> None:
        self.folder = home / "kafka"
        self.port = port
        self.process = DetachedProcess(self.name, home)
        self._password = password
        self._properties = PROPERTIES.format(
            host=HOST, port=port, controller_port=controller_port, certificate=certificate, ca=ca, admin=ADMIN,
            node=NODE, password=password, data=self.folder / "data",
        )  # fmt: skip

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self, say: Say) -> None:
        libs, java = kafka_libs(say), find_java(say)
        self.folder.mkdir(parents=True)
        properties, logging = self.folder / "server.properties", self.folder / "log4j2.properties"
        properties.write_text(self._properties)
        logging.write_text(LOGGING)
        command = [java, *jvm_options(), "-cp", f"{libs}/*"]
        scram = f"SCRAM-SHA-512=[name={ADMIN},password={self._password}]"
        storage = [
            "kafka.tools.StorageTool", "format", f"--cluster-id={new_cluster_id()}", "-c", str(properties),
            "--add-scram", scram,
        ]  # fmt: skip
        done = subprocess.run([*command, *storage], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        options = ["-Xmx512m", "-XX:+ExitOnOutOfMemoryError", f"-Dlog4j2.configurationFile={logging}"]
        self.process.start([*command, *options, "kafka.Kafka", str(properties)], os.environ, self.folder)

    def ready(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1):
                return True
        except OSError:
            return False

    def denials(self) -> list[str]:
        """What the authorizer has said no to since the start."""
        return [line for line in self.process.log_file.read_text(errors="replace").splitlines() if DENIED in line]
