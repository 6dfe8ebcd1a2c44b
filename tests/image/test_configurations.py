"""deploy/compose.yaml and what it mounts, as the programs that read them understand them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.install import CHECKOUT
from tests.fixtures.debian import environment, unpacked
from tests.fixtures.golang import collector, go_program

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]

DEPLOY = CHECKOUT / "deploy"
COMPOSE_VERSION = "v2.40.3"


def told(*command: str | Path, **variables: str) -> str:
    """The standard output of a command that succeeds."""
    done = subprocess.run(list(map(str, command)), env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def resolved() -> Any:
    """The project as `docker compose` sees it from the root of the checkout: merged, defaults filled in."""
    program = go_program("docker-compose", "github.com/docker/compose/v2/cmd", COMPOSE_VERSION)
    command = (program, "--project-directory", CHECKOUT, "--file", CHECKOUT / "compose.yaml", "config")
    told(*command, "--quiet")
    return json.loads(told(*command, "--format=json"))


def test_compose_reads_the_file_as_it_is_meant(resolved: Any) -> None:
    assert resolved["name"] == "posthorn"
    written = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert resolved["services"].keys() == written["services"].keys()
    for name, service in resolved["services"].items():
        assert service["image"] == written["services"][name]["image"]
        variables = written["services"][name].get("environment", {})
        assert (service.get("environment") or {}) == variables, "nothing in it is taken for a variable of the caller"


def test_everything_that_compose_mounts_or_builds_from_exists(resolved: Any) -> None:
    services = resolved["services"].values()
    bound = [mount["source"] for each in services for mount in each.get("volumes", ()) if mount["type"] == "bind"]
    builds = [each["build"] for each in services if "build" in each]
    assert len(bound) == 4
    assert [path for path in bound if not Path(path).is_dir()] == []
    assert {build["context"] for build in builds} == {str(CHECKOUT)}
    assert all((CHECKOUT / build["dockerfile"]).is_file() for build in builds)


def test_compose_publishes_each_port_once_and_here_alone(resolved: Any) -> None:
    ports = [port for each in resolved["services"].values() for port in each.get("ports", ())]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert len({port["published"] for port in ports}) == len(ports) == 6


def test_prometheus_takes_its_configuration() -> None:
    promtool = unpacked("prometheus", ("prometheus",), libraries=True)
    told(promtool / "usr" / "bin" / "promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yaml",
         **environment(promtool))  # fmt: skip


def test_the_collector_takes_its_configuration() -> None:
    manifest = CHECKOUT / "tests" / "image" / "collector.yaml"
    (version,) = set(re.findall(r" (v0\.\d+\.\d+)$", manifest.read_text(), re.MULTILINE))
    assert f"opentelemetry-collector:{version[1:]}\n" in (DEPLOY / "compose.yaml").read_text()
    told(collector(manifest, version), "validate", f"--config={DEPLOY / 'otel' / 'collector.yaml'}")
