"""What the Helm chart has from the code, written by `python -m deploy.reference`: the names of services, roles, topics
and settings, and copies of alerts and dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args

import yaml
from pydantic import SecretStr

from deploy.helm.readme import render_readme
from services.roles import SERVICES
from services.setup import config_of
from shared.contracts.topics import all_topics
from shared.settings import SharedSettings

DEPLOY = Path(__file__).resolve().parent.parent
CHART = DEPLOY / "helm" / "posthorn"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARDS = DEPLOY / "grafana" / "dashboards"
NOTE = "# Made by `python -m deploy.reference`; a test fails where it is stale.\n"
# what values of their own decide, or where the chart puts a file or a port
OWN = frozenset(
    {
        "public_url", "returns_domain", "shutdown_seconds", "openapi_file", "otlp_endpoint",
        "http_host", "http_port", "health_host", "health_port", "http_replicas", "webhook_replicas",
        "kafka_bootstrap", "topic_prefix", "topic_replicas", "topic_partitions", "kafka_security_protocol",
        "kafka_sasl_mechanism", "kafka_username", "kafka_ca_file", "mongo_url", "mongo_username", "mongo_ca_file",
        "mongo_auth_source", "smtp_host", "smtp_port", "smtps_port", "smtp_hostname", "smtp_public_host",
        "smtp_certificate_file", "smtp_key_file", "returns_host", "returns_port", "returns_hostname",
        "returns_certificate_file", "returns_key_file", "dkim_domain", "dkim_selector", "dkim_key_file",
        "oidc_issuer", "oidc_client_id",
    }
)  # fmt: skip


def files() -> Iterator[tuple[Path, str]]:
    """Every file of the chart that is made, with what stands in it."""
    yield CHART / "files" / "code.yaml", render_code()
    yield CHART / "values.schema.json", render_schema()
    yield CHART / "README.md", render_readme(CHART)
    if RULES.is_file():
        yield CHART / "files" / "rules.yaml", RULES.read_text()
    for dashboard in sorted(DASHBOARDS.glob("*.json")):
        yield CHART / "files" / "dashboards" / dashboard.name, dashboard.read_text()


def stray_dashboards() -> list[Path]:
    """Copies of dashboards that are there no more."""
    copies = (CHART / "files" / "dashboards").glob("*.json")
    return [copy for copy in copies if not (DASHBOARDS / copy.name).is_file()]


def render_code() -> str:
    """Services with their roles, and topics: `grows` where `kafka.topicPartitions` counts."""
    growing = {few.name for few, more in zip(all_topics(1), all_topics(2), strict=True) if few != more}
    topics = [
        {"name": topic.name, "config": config_of(topic)}
        | ({"grows": True} if topic.name in growing else {"grows": False, "partitions": topic.partitions})
        for topic in all_topics()
    ]
    code = {"services": {name: list(roles) for name, roles in SERVICES.items()}, "topics": topics}
    return NOTE + str(yaml.safe_dump(code, sort_keys=False, width=120))


def render_schema() -> str:
    """The schema of the values as it stands, with the settings that may be given."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    schema["$defs"]["settings"]["propertyNames"]["enum"] = sorted(_free_settings())
    return json.dumps(schema, indent=2) + "\n"


def all_settings() -> dict[str, bool]:
    """Every variable of every service, and whether it is a secret."""
    models = [SharedSettings, *(import_module(f"services.{name}.settings").Settings for name in SERVICES)]
    return {
        f"POSTHORN_{name.upper()}": SecretStr in (field.annotation, *get_args(field.annotation))
        for model in models
        for name, field in model.model_fields.items()
    }


def _free_settings() -> set[str]:
    own = {f"POSTHORN_{name.upper()}" for name in OWN}
    return {name for name, is_secret in all_settings().items() if not is_secret} - own


def write() -> None:
    """Writes every file of the chart that is made, and removes copies of what is there no more."""
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for copy in stray_dashboards():
        copy.unlink()
