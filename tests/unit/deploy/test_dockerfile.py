"""The Dockerfile says of the process what the code says of itself. That it builds: tests/image."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from typing import Any, cast

from services import healthcheck
from shared.settings import SharedSettings
from tests.unit.deploy.dockerfile import ROOT, pairs, stages, values
from tests.unit.deploy.known_settings import VARIABLES, settings_of

BUILD, RUNTIME = stages()
ENVIRONMENT = pairs(RUNTIME, "ENV")


def test_both_stages_are_of_debian_and_only_the_first_has_pip() -> None:
    assert [values(stage, "FROM")[0].split()[0] for stage in (BUILD, RUNTIME)] == ["debian:bookworm-slim"] * 2
    assert not [rest for rest in values(RUNTIME, "RUN") if "pip" in rest or "venv" in rest]
    (installed,) = [rest for rest in values(BUILD, "RUN") if "requirements.lock" in rest]
    assert installed.count("--require-hashes") == installed.count("-r requirements")


def test_code_comes_after_what_changes_less() -> None:
    copied = [rest.split()[0] for rest in values(BUILD, "COPY")]
    assert copied == ["requirements.lock", "pyproject.toml", "services", "shared"]
    assert values(RUNTIME, "COPY") == [
        "--from=build /opt/posthorn /opt/posthorn",
        "--from=build /project /opt/posthorn",
    ]


def test_nothing_is_sent_to_the_builder_that_it_does_not_copy() -> None:
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert sent == {source for rest in values(BUILD, "COPY") for source in rest.split()[:-1]}
    assert all((ROOT / source).exists() for source in sent)


def test_the_process_is_nobodys_and_gets_its_signals() -> None:
    assert values(RUNTIME, "USER") == ["10001:10001"]
    assert json.loads(values(RUNTIME, "ENTRYPOINT")[0]) == ["posthorn"]
    assert json.loads(values(RUNTIME, "CMD")[0]) == ["--help"]


def test_it_listens_where_the_engine_reaches_it_on_the_ports_of_the_settings(tmp_path: Path) -> None:
    chosen = {name: value for name, value in ENVIRONMENT.items() if name.startswith("POSTHORN_")}
    assert chosen.keys() <= VARIABLES
    with settings_of(chosen, tmp_path) as by_name:
        ingest, sender = cast(Any, by_name["ingest"]), cast(Any, by_name["sender"])
        ports = [ingest.http_port, ingest.health_port, ingest.smtp_port, ingest.smtps_port, sender.returns_port]
        hosts = {ingest.http_host, ingest.health_host, ingest.smtp_host, sender.returns_host}
    assert [int(port) for port in values(RUNTIME, "EXPOSE")[0].split()] == ports
    assert hosts == {"0.0.0.0"}


def test_the_health_check_asks_the_health_port() -> None:
    options, _, command = values(RUNTIME, "HEALTHCHECK")[0].partition(" CMD ")
    assert json.loads(command) == ["python", "-m", healthcheck.__name__]
    assert "--timeout=5s" in options
    assert int(healthcheck.DEFAULT_PORT) == SharedSettings.model_fields["health_port"].default
    assert not healthcheck.is_alive(1, seconds=1)


def test_the_health_check_imports_none_of_the_service() -> None:
    """It runs every ten seconds in every container."""
    nodes = ast.walk(ast.parse(Path(healthcheck.__file__).read_text()))
    imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["http.client", "os", "sys"]
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom)]


def test_the_labels_are_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = pairs(RUNTIME, "LABEL")
    assert labels["org.opencontainers.image.description"] == project["description"]
    assert pairs(RUNTIME, "ARG")["VERSION"] == project["version"]
