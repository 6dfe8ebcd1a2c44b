"""deploy/compose.yaml holds together: settings that exist, images of one version, ports and names that meet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from services.roles import SERVICES, parse_spec
from shared.settings import SharedSettings
from tests.unit.deploy.dockerfile import ROOT
from tests.unit.deploy.known_settings import VARIABLES, settings_of

DEPLOY = ROOT / "deploy"


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


COMPOSE = read("compose.yaml")
EVERY: dict[str, Any] = COMPOSE["services"]
OWN = {name: each for name, each in EVERY.items() if "build" in each}
RUNNING = {name: each for name, each in OWN.items() if each["restart"] != "no"}
DATASOURCES = {each["uid"]: each for each in read("grafana/provisioning/datasources/datasources.yaml")["datasources"]}


def test_the_file_at_the_root_is_this_one() -> None:
    assert yaml.safe_load((ROOT / "compose.yaml").read_text()) == {
        "name": COMPOSE["name"],
        "include": ["deploy/compose.yaml"],
    }


def test_every_role_of_every_service_runs_once() -> None:
    specs = [spec for each in RUNNING.values() for spec in each["command"][1:]]
    roles = [(name, role) for name, chosen in map(parse_spec, specs) for role in chosen]
    assert sorted(roles) == sorted((name, role) for name, all_roles in SERVICES.items() for role in all_roles)
    assert all(each["command"][0] == "run" for each in RUNNING.values())


@pytest.mark.parametrize("name", OWN)
def test_every_setting_exists_and_has_a_value_that_it_takes(name: str, tmp_path: Path) -> None:
    environment = OWN[name]["environment"]
    assert environment.keys() <= VARIABLES
    assert all(isinstance(value, str) for value in environment.values())
    with settings_of(environment, tmp_path) as by_name:
        assert by_name["ingest"].secrets_dir == tmp_path


@pytest.mark.parametrize("name", EVERY)
def test_images_have_one_version(name: str) -> None:
    image, _, tag = EVERY[name]["image"].partition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), image


def test_no_secret_stands_in_the_file() -> None:
    secret = {f"POSTHORN_{field.upper()}" for field, info in SharedSettings.model_fields.items() if info.is_required()}
    named = {name for each in EVERY.values() for name in each.get("environment", {})}
    assert not (secret | {"POSTHORN_OPERATOR_TOKEN"}) & named
    assert not [name for name in named if re.search("PASSWORD|SECRET(?!S_DIR)|TOKEN", name)]


def test_what_is_mounted_exists() -> None:
    for name, each in EVERY.items():
        for source in (volume.split(":")[0] for volume in each.get("volumes", ())):
            there = (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            assert there, f"{name}: {source}"


def test_ports_are_published_once_to_this_machine_alone() -> None:
    published = [port.split(":") for each in EVERY.values() for port in each.get("ports", ())]
    assert {host for host, _, _ in published} == {"127.0.0.1"}
    assert len({outside for _, outside, _ in published}) == len(published)
    assert all(outside == inside for _, outside, inside in published), "bootstrap tells the port inside"


def test_who_is_waited_for_can_become_what_is_waited_for() -> None:
    for name, each in EVERY.items():
        waits = each.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else ((one, None) for one in waits):
            condition = (how or {}).get("condition")
            assert condition != "service_healthy" or "test" in EVERY[other]["healthcheck"], f"{name}: {other}"
            assert (condition == "service_completed_successfully") == (EVERY[other]["restart"] == "no"), name


@pytest.mark.parametrize("name", OWN)
def test_our_containers_can_do_as_little_as_they_need(name: str) -> None:
    each = OWN[name]
    assert (each["read_only"], each["cap_drop"], each["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert each["tmpfs"] == ["/tmp"]
    assert ("user" in each) == (name == "keys")
    assert ("keys:/etc/posthorn:ro" in each["volumes"]) == (name != "keys")


def test_all_mail_goes_to_the_sink_and_what_comes_back_to_the_return_door(tmp_path: Path) -> None:
    environment = OWN["router"]["environment"]
    with settings_of(environment, tmp_path) as by_name:
        router, sender, ingest = (cast(Any, by_name[name]) for name in ("router", "sender", "ingest"))
        assert router.static_mx == {
            "*": ["mailpit:1025"],
            router.returns_domain: [f"returns:{sender.returns_port}"],
        }
        assert (router.allow_private_targets, sender.allow_private_targets) == (True, True)
        assert f"127.0.0.1:{ingest.http_port}:{ingest.http_port}" in EVERY["http"]["ports"]
        assert urlsplit(ingest.public_url).port == ingest.http_port
        assert [port.split(":")[1] for port in EVERY["smtp"]["ports"]] == [
            str(ingest.smtp_port),
            str(ingest.smtps_port),
        ]


def test_prometheus_finds_every_process_and_the_others_at_their_ports() -> None:
    jobs = {each["job_name"]: each for each in read("prometheus/prometheus.yaml")["scrape_configs"]}
    (found,) = jobs.pop("posthorn")["dns_sd_configs"]
    assert set(found["names"]) == RUNNING.keys()
    assert found["port"] == SharedSettings.model_fields["health_port"].default
    targets = {job: each["static_configs"][0]["targets"] for job, each in jobs.items()}
    (reader,) = read("otel/collector.yaml")["service"]["telemetry"]["metrics"]["readers"]
    assert targets["otel-collector"] == [f"otel-collector:{reader['pull']['exporter']['prometheus']['port']}"]
    assert targets["tempo"] == [f"tempo:{read('tempo/tempo.yaml')['server']['http_listen_port']}"]


def test_traces_come_from_the_services_to_grafana() -> None:
    collector, tempo = read("otel/collector.yaml"), read("tempo/tempo.yaml")
    exported = urlsplit(OWN["http"]["environment"]["POSTHORN_OTLP_ENDPOINT"])
    listened = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert (exported.hostname, listened) == ("otel-collector", f"0.0.0.0:{exported.port}")
    taken = tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
    (exporter,) = collector["exporters"].values()
    assert exporter["endpoint"] == taken.replace("0.0.0.0", "tempo")
    assert DATASOURCES["tempo"]["url"] == f"http://tempo:{tempo['server']['http_listen_port']}"
    (pipeline,) = collector["service"]["pipelines"].values()
    assert set(pipeline["exporters"]) == collector["exporters"].keys()
    assert set(pipeline["processors"]) == collector["processors"].keys()


def test_metrics_lead_to_traces_and_traces_to_metrics() -> None:
    traces, messages = DATASOURCES["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert (traces["name"], traces["datasourceUid"]) == ("trace_id", "tempo")
    assert messages["name"] == "message_id"
    console, _, value = messages["url"].rpartition("/")
    assert value == "$${__value.raw}"  # $ is doubled: Grafana puts variables of its environment into these files
    assert console.removeprefix(OWN["http"]["environment"]["POSTHORN_PUBLIC_URL"]) == "/console/messages"
    back = DATASOURCES["tempo"]["jsonData"]["tracesToMetrics"]
    assert back["datasourceUid"] == "prometheus"
    declared = set(re.findall(r"`(posthorn_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    asked = {name for query in back["queries"] for name in re.findall(r"posthorn_\w+", query["query"])}
    assert {name.removesuffix("_bucket") for name in asked} <= declared


def test_the_console_links_to_the_trace_in_grafana() -> None:
    link = OWN["http"]["environment"]["POSTHORN_TRACE_URL"].replace("{trace_id}", "0af7651916cd43dd8448eb211c80319c")
    panes = json.loads(unquote(re.findall("panes=([^&]+)", link)[0]))
    assert panes["t"]["datasource"] in DATASOURCES
    assert panes["t"]["queries"][0]["query"] == "0af7651916cd43dd8448eb211c80319c"
    assert f"127.0.0.1:{urlsplit(link).port}:{urlsplit(link).port}" in EVERY["grafana"]["ports"]


def test_grafana_finds_its_dashboards() -> None:
    (provider,) = read("grafana/provisioning/dashboards/dashboards.yaml")["providers"]
    mounted = EVERY["grafana"]["volumes"][0].split(":")[1]
    assert EVERY["grafana"]["environment"]["GF_PATHS_PROVISIONING"] == f"{mounted}/provisioning"
    assert provider["options"]["path"] == f"{mounted}/dashboards"
