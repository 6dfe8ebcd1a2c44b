"""One Kafka node in KRaft mode, its state kept below `home`."""

import base64
import os
import socket
import subprocess
import uuid
from pathlib import Path
from string import Template

from deploy.local.errors import StartError
from deploy.local.install import HERE, Say, kafka_libs
from deploy.local.java import find_java
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess


class KafkaServer:
    """Broker and controller in one process, bound to the loopback address."""

    name = "kafka"
    start_seconds = 90.0
    stop_seconds = 20.0

    def __init__(self, home: Path, port: int, controller_port: int) -> None:
        self.folder = home / "kafka"
        self.port = port
        self.controller_port = controller_port
        self.process = DetachedProcess(self.name, home)

    @property
    def bootstrap(self) -> str:
        """What clients connect to: `host:port`."""
        return f"{HOST}:{self.port}"

    def start(self, say: Say) -> None:
        """Install what is missing, format the storage the first time, and start the node without waiting for it."""
        libs, java = kafka_libs(say), find_java(say)
        properties = self._write_properties()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, libs, properties)
        log4j = f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.properties'}"
        options = ["-Xmx512m", "-Xms256m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", log4j]
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
            template.substitute(port=self.port, controller_port=self.controller_port, data=self.folder / "data")
        )
        return properties

    def _format(self, java: str, libs: Path, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # "=" joins the value, because a cluster id may begin with a dash
        command = [java, "-cp", f"{libs}/*", "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        done = subprocess.run([*command, "-c", str(properties)], capture_output=True, text=True)
        if done.returncode:
            raise StartError("kafka: its storage could not be formatted", done.stdout + done.stderr)
