"""What the chart renders, without a cluster: network policies, security contexts and topics are as they were looked at
(`snapshots/`, written again with POSTHORN_SNAPSHOTS=write), and what holds for every pod and every object."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from deploy.helm.chart import CHART
from deploy.local.install import CHECKOUT
from shared.contracts.topics import all_topics
from shared.dkim_keys import generate_key
from tests.chart.cases import FLAGS, STRIMZI
from tests.chart.programs import KUBERNETES
from tests.chart.releases import Helm, example, pods

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
SNAPSHOTS = Path(__file__).parent / "snapshots"
EXAMPLES = ("small", "production")


def same(name: str, documents: list[Any]) -> None:
    """What there is, is what was committed."""
    file, text = SNAPSHOTS / f"{name}.yaml", yaml.safe_dump_all(documents, width=120)
    if os.environ.get("POSTHORN_SNAPSHOTS") == "write":
        file.write_text(text)
    assert file.read_text() == text


def of_kind(kind: str, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": each["metadata"]["name"], "spec": each["spec"]} for each in objects if each["kind"] == kind]


@pytest.mark.parametrize("name", EXAMPLES)
def test_network_policies(helm: Helm, name: str) -> None:
    same(f"network-{name}", of_kind("NetworkPolicy", helm.rendered(*example(name))))


@pytest.mark.parametrize("name", EXAMPLES)
def test_security_contexts(helm: Helm, name: str) -> None:
    seen = {}
    for made_by, template in pods(helm.rendered(*example(name))):
        spec = template["spec"]
        containers = [*spec.get("initContainers", ()), *spec["containers"]]
        seen[made_by.rpartition("-")[0] if spec.get("restartPolicy") == "OnFailure" else made_by] = {
            "pod": spec["securityContext"],
            "token": spec["automountServiceAccountToken"],
            "containers": {each["name"]: each["securityContext"] for each in containers},
            "writable": [each["name"] for each in spec["volumes"] if "emptyDir" in each],
        }
    same(f"security-{name}", [seen])


def test_topics_of_strimzi_are_those_of_the_code(helm: Helm) -> None:
    objects = helm.rendered(*example("small"), values=STRIMZI)
    made = of_kind("KafkaTopic", objects)
    listed = {each["spec"]["topicName"]: each["spec"]["partitions"] for each in made}
    assert listed == {f"eu.{topic.name}": topic.partitions for topic in all_topics(24)}
    assert [each for each in objects if each["kind"] == "Job" and "topics" in each["metadata"]["name"]] == []
    same("topics-strimzi", made)


@pytest.mark.parametrize("case", [*EXAMPLES, *FLAGS])
def test_nothing_is_there_twice_and_nothing_is_secret(helm: Helm, case: str) -> None:
    given = example(case if case in EXAMPLES else "small")
    objects = helm.rendered(*given, values=FLAGS.get(case))
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)
    assert "Secret" not in dict(names)
    for _, template in pods(objects):
        for container in [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]:
            variables = [each["name"] for each in container["env"]]
            assert len(set(variables)) == len(variables)
            plain = {each["name"] for each in container["env"] if "secretKeyRef" not in each.get("valueFrom", {})}
            assert plain in (set(), {"POD_NAME", "NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES"})
            assert bool(plain) == (settings_of(objects, container).get("POSTHORN_OTLP_ENDPOINT") is not None)


def settings_of(objects: list[dict[str, Any]], container: dict[str, Any]) -> dict[str, str]:
    """Those that a container has out of ConfigMaps."""
    named = {each["configMapRef"]["name"] for each in container["envFrom"]}
    maps = [each["data"] for each in objects if each["kind"] == "ConfigMap" and each["metadata"]["name"] in named]
    return {name: value for data in maps for name, value in data.items()}


@pytest.mark.parametrize("case", [*EXAMPLES, *FLAGS])
def test_what_scales_is_scaled_once_and_has_no_replicas(helm: Helm, case: str) -> None:
    objects = helm.rendered(*example(case if case in EXAMPLES else "small"), values=FLAGS.get(case))
    scaled = [
        each["spec"]["scaleTargetRef"]["name"]
        for each in objects
        if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    ]
    fixed = [
        each["metadata"]["name"] for each in objects if each["kind"] == "Deployment" and "replicas" in each["spec"]
    ]
    every = [each["metadata"]["name"] for each in objects if each["kind"] == "Deployment"]
    assert sorted([*scaled, *fixed]) == sorted(every)


def test_production_gives_each_process_its_time_and_its_share(helm: Helm) -> None:
    objects = helm.rendered(*example("production"))
    graces = {name: template["spec"].get("terminationGracePeriodSeconds") for name, template in pods(objects)}
    assert (graces["mail-posthorn-ingest-http"], graces["mail-posthorn-router-route"]) == (30, 60)
    assert graces["mail-posthorn-sender-deliver"] == 660
    settings = {each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap"}
    assert settings["mail-posthorn-ingest-http"]["POSTHORN_HTTP_REPLICAS"] == "3"
    assert settings["mail-posthorn-webhooks-dispatch"]["POSTHORN_WEBHOOK_REPLICAS"] == "24"
    assert settings["mail-posthorn-sender-deliver"]["POSTHORN_SHUTDOWN_SECONDS"] == "600"


def test_a_process_of_one_service_is_that_service_s_user(helm: Helm) -> None:
    for name, template in pods(helm.rendered(*example("production"))):
        (container,) = template["spec"]["containers"]
        users = {
            each["valueFrom"]["secretKeyRef"]["name"]
            for each in container["env"]
            if each["name"].startswith(("POSTHORN_KAFKA_", "POSTHORN_MONGO_"))
        }
        service = name.removeprefix("mail-posthorn-").partition("-")[0]
        of = "" if service in ("topics", "indexes", "doctor") else f"-{service}"
        assert users == {f"posthorn-kafka{of}", f"posthorn-mongodb{of}"}


def test_the_doctor_s_environment_is_enough_for_it(helm: Helm, tmp_path: Path) -> None:
    objects = helm.rendered(*example("production"))
    (doctor,) = (template for name, template in pods(objects) if name == "mail-posthorn-doctor")
    (container,) = doctor["spec"]["containers"]
    key = base64.b64encode(bytes(range(32))).decode()
    secret = {each["name"]: key for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})}
    given = settings_of(objects, container)
    files = {name: Path(value) for name, value in given.items() if value.startswith("/etc/posthorn/")}
    folders = {str(file.parent) for file in files.values()}
    assert folders == {each["mountPath"] for each in container["volumeMounts"]} - {"/tmp"}
    authority, (dkim, _) = trustme.CA().cert_pem.bytes(), generate_key()
    for name, file in files.items():
        given[name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(authority if file.suffix == ".crt" else dkim.encode())
    away = {"POSTHORN_KAFKA_BOOTSTRAP": "127.0.0.1:9", "POSTHORN_MONGO_URL": "mongodb://127.0.0.1:9"}
    command = [sys.executable, "-m", "services.cli", *container["args"], "--json", "--timeout=0.5", "--ntp="]
    environ = given | secret | away
    done = subprocess.run(command, env=environ, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("{"), (done.stdout[:300], done.stderr)
    found = {each["check"]: each for each in json.loads(done.stdout)["checks"]}
    assert found["keys"]["findings"], done.stdout  # the settings are whole, and here all keys are the same
    assert (found["database"]["ok"], done.returncode) == (False, 1)  # it is not there


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"tag": 5}}, "image/tag"),
        ({"settings": {"POSTHORN_TYPO": "1"}}, "POSTHORN_TYPO"),
        ({"settings": {"POSTHORN_PEPPER": "a secret"}}, "POSTHORN_PEPPER"),
        ({"mongodb": {"url": "mongodb://ann:secret@db.example.com/"}}, "mongodb/url"),
        ({"procesess": {}}, "procesess"),
        ({"processes": {"all": {"run": ["ingest:cook"]}}}, "ingest has no role cook"),
        ({"processes": {"sender-deliver": {"autoscaling": {"kind": "lag"}}}}, "scale it by cpu"),
        ({"kafka": {"securityProtocol": "SASL_SSL"}}, "kafka.credentials.existingSecret is needed"),
        ({"gateway": {"enabled": True}}, "gateway.parentRefs is needed"),
        ({"doctor": {"smtpDoor": "https://smtp.example.com"}}, "doctor/smtpDoor"),
        ({"metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}}, "enable one"),
    ],
)
def test_values_that_mean_nothing_are_refused(helm: Helm, values: dict[str, Any], said: str) -> None:
    refused = helm.run("template", "mail", str(CHART), f"--kube-version={KUBERNETES}", values=values)
    assert refused.returncode == 1
    assert said in refused.stderr
