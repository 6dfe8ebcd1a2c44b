"""The Helm chart says of the code what the code says; what a cluster makes of it is in tests/chart."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from starlette.routing import compile_path

from deploy.helm.chart import CHART, OWN, all_settings, files, stray_dashboards
from services.roles import SERVICES
from services.run import api_of, compose
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, SUPPRESSION_CHANGES, all_topics
from shared.kafka.batch import BatchConsumer
from shared.kafka.connection import KafkaConnection
from shared.settings import SharedSettings

VARIABLE = re.compile(r'"(POSTHORN_[A-Z_]+)"')
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))
# few records however much mail there is, or the sender's, which lag does not tell of: see files/consumers.yaml
UNSCALED = {CONFIG_CHANGES, COMMANDS, SUPPRESSION_CHANGES, "mail.cleared.critical", "mail.cleared.standard"}


def file_of(name: str) -> Any:
    return yaml.safe_load((CHART / "files" / name).read_text())


def merged(under: Any, over: Any) -> Any:
    """Values over others, as Helm lays them."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {key: merged(under.get(key), over.get(key, under.get(key))) for key in {**under, **over}}
    return over


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PEPPER", "TOKEN_KEY", "ENCRYPTION_KEY"):
        monkeypatch.setenv(f"POSTHORN_{name}", base64.b64encode(bytes(32)).decode())
    monkeypatch.setenv("POSTHORN_OPERATOR_TOKEN", "o" * 32)


@pytest.mark.parametrize(("path", "made"), list(files()), ids=lambda each: each.name if isinstance(each, Path) else "")
def test_what_is_made_is_fresh(path: Path, made: str) -> None:
    assert path.is_file(), f"{path} is missing: python -m deploy.reference"
    assert path.read_text() == made, f"{path} is stale: python -m deploy.reference"


def test_no_dashboard_is_left_over() -> None:
    assert stray_dashboards() == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_values_and_examples_fit_the_schema(example: Path) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    check = jsonschema_rs.validator_for(schema)
    check.validate(values)
    check.validate(merged(values, yaml.safe_load(example.read_text())))
    assert not check.is_valid({**values, "replicaz": 3})
    assert not check.is_valid({**values, "settings": {"POSTHORN_PEPPER": "a secret"}})


@pytest.mark.parametrize("example", ["values", *EXAMPLES], ids=lambda each: getattr(each, "stem", each))
def test_every_role_runs_in_every_example(example: Path | str) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    if isinstance(example, Path):
        values = merged(values, yaml.safe_load(example.read_text()))
    running = [spec for each in values["processes"].values() if each.get("enabled", True) for spec in each["run"]]
    roles = [(name, role) for name, _, text in (spec.partition(":") for spec in running) for role in text.split(",")]
    assert sorted(roles) == sorted((name, role) for name, every in SERVICES.items() for role in every)


def service_at(path: str) -> str:
    """The service that path rules lead to: an exact one, or the longest prefix by elements."""
    rules = file_of("paths.yaml")
    found = [(len(each), name) for name, rule in rules.items() for each in rule["prefix"] if is_below(path, each)]
    exact = [name for name, rule in rules.items() if path in rule.get("exact", ())]
    return exact[0] if exact else max(found)[1]


def is_below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def routes(service: str) -> Iterator[str]:
    """The paths that a service's own routers answer, with something in the place of each parameter."""
    for composed, _ in compose([f"{service}:http"]):
        for router in composed.routers:
            for route in router.routes:
                _, form, parameters = compile_path(getattr(route, "path", ""))
                yield form.format(**dict.fromkeys(parameters, "x"))


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_reached_by_path(service: str) -> None:
    assert api_of(compose([f"{service}:http"]), SharedSettings()) is not None
    paths = set(routes(service))
    assert len(paths) > 10
    assert {path for path in paths if service_at(path) != service} == set()


def test_every_rule_leads_to_some_route() -> None:
    for service, rule in file_of("paths.yaml").items():
        paths = list(routes(service))
        assert [each for each in rule["prefix"] if not any(is_below(path, each) for path in paths)] == []
        assert set(rule.get("exact", ())) <= set(paths)


@pytest.mark.parametrize(
    ("service", "role"), [(name, role) for name, roles in SERVICES.items() for role in roles], ids=lambda each: each
)
def test_consumers_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch, service: str, role: str) -> None:
    attached: list[BatchConsumer] = []
    monkeypatch.setattr(KafkaConnection, "attach", lambda _, consumer: attached.append(consumer))
    compose([f"{service}:{role}"])
    read = {(consumer.group, topic) for consumer in attached for topic in consumer._decoders}
    named = {(each["group"], each["topic"]) for each in file_of("consumers.yaml").get(f"{service}:{role}", ())}
    assert named == {(group, topic) for group, topic in read if topic not in UNSCALED}


def test_topics_are_those_of_the_code() -> None:
    for partitions in (6, 24):
        listed = [(each["name"], partitions if each["grows"] else each["partitions"]) for each in topics()]
        assert listed == [(topic.name, topic.partitions) for topic in all_topics(partitions)]
    compacted = {each["name"] for each in topics() if each["config"].get("cleanup.policy") == "compact"}
    assert compacted == {topic.name for topic in all_topics() if topic.retention_ms is None}


def topics() -> list[dict[str, Any]]:
    return file_of("code.yaml")["topics"]


def test_every_variable_of_a_template_is_a_setting() -> None:
    templates = "".join(file.read_text() for file in (CHART / "templates").iterdir())
    named = set(VARIABLE.findall(templates))
    assert len(named) > 30
    known = set(all_settings())
    assert named - known == set()
    assert {f"POSTHORN_{name.upper()}" for name in OWN} - known == set()


def test_no_secret_may_stand_among_the_settings() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = set(schema["$defs"]["settings"]["propertyNames"]["enum"])
    secrets = {name for name, is_secret in all_settings().items() if is_secret}
    assert {"POSTHORN_PEPPER", "POSTHORN_OIDC_CLIENT_SECRET"} <= secrets
    assert not free & secrets
