"""The chart on a real API server: installed, upgraded, rolled back and uninstalled, with each example and each flag, in
a namespace that takes only what keeps to the restricted pod security standard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.helm.chart import CHART
from tests.chart import programs
from tests.chart.cases import FLAGS
from tests.chart.cluster import Cluster
from tests.chart.releases import EXAMPLES, Helm, pods, warnings

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
RELEASE = "mail"
CHANGED = {"image": {"tag": "0.1.1"}, "settings": {"POSTHORN_LOG_LEVEL": "DEBUG"}}


def given(name: str) -> tuple[list[str], dict[str, Any]]:
    """The arguments and the values of a case: an example, a flag on the small one, or nothing at all."""
    if name == "defaults":
        return [], {}
    if name in FLAGS:
        return ["--values", str(EXAMPLES / "small.yaml")], FLAGS[name]
    return ["--values", str(EXAMPLES / f"{name}.yaml")], {}


def admitted(cluster: Cluster, namespace: str) -> None:
    """Every pod that would be made is one that the namespace takes, without a warning."""
    for name, template in pods(list(cluster.objects(namespace).values())):
        pod = {"metadata": {"name": name[:63], "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
        answer = cluster.http.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", json=pod)
        assert answer.status_code == 201, answer.text
        assert "warning" not in answer.headers, answer.headers["warning"]


def specs(cluster: Cluster, namespace: str) -> dict[tuple[str, str], Any]:
    """What there is, without what the server and Helm count, date and number."""
    found = {
        key: {name: part for name, part in item.items() if name not in ("metadata", "status")}
        for key, item in cluster.objects(namespace).items()
        if not key[1].startswith("sh.helm.release")
    }
    for (kind, _), item in found.items():
        if kind == "Job":  # which the server labels with an id
            del item["spec"]["selector"], item["spec"]["template"]["metadata"]
    return found


def lives_and_ends(helm: Helm, cluster: Cluster, namespace: str, case: str) -> None:
    arguments, values = given(case)
    here = ["--namespace", namespace]
    cluster.add_namespace(namespace)
    helm("install", RELEASE, str(CHART), *here, *arguments, values=values)
    first = specs(cluster, namespace)
    assert first
    admitted(cluster, namespace)
    helm("upgrade", RELEASE, str(CHART), *here, *arguments, "--values", changed(helm), values=values)
    second = specs(cluster, namespace)
    assert second != first
    assert {key for key in second if key[0] != "Job"} == {key for key in first if key[0] != "Job"}
    admitted(cluster, namespace)
    helm("rollback", RELEASE, "1", *here)
    assert specs(cluster, namespace) == first
    helm("uninstall", RELEASE, *here)
    assert cluster.objects(namespace) == {}


def changed(helm: Helm) -> str:
    file = helm.home / "changed.yaml"
    file.write_text(yaml.safe_dump(CHANGED))
    return str(file)


@pytest.mark.parametrize("case", ["defaults", "small", "production", *FLAGS])
def test_a_release_is_installed_upgraded_rolled_back_and_leaves_nothing(
    cluster: Cluster, tmp_path: Path, case: str
) -> None:
    lives_and_ends(Helm(programs.helm(3), tmp_path, cluster.kubeconfig), cluster, case, case)


@pytest.mark.parametrize("case", ["small", "production"])
def test_the_same_with_helm_4_whose_server_merges_what_is_applied(cluster: Cluster, tmp_path: Path, case: str) -> None:
    lives_and_ends(Helm(programs.helm(4), tmp_path, cluster.kubeconfig), cluster, f"helm-4-{case}", case)


def test_a_pod_that_the_standard_forbids_is_warned_of(cluster: Cluster, tmp_path: Path) -> None:
    """So that the silence of the others means something."""
    cluster.add_namespace("forbidden")
    values = {"processes": {"router": {"extraVolumes": [{"name": "host", "hostPath": {"path": "/"}}]}}}
    helm = Helm(programs.helm(3), tmp_path, cluster.kubeconfig)
    done = helm.run("install", RELEASE, str(CHART), "--namespace", "forbidden", *given("small")[0], values=values)
    assert any("restricted volume types" in line for line in warnings(done.stderr))


@pytest.mark.parametrize("example", ["small", "production"])
def test_lint_has_nothing_to_say(helm: Helm, example: str) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm(
        "lint", "--strict", str(CHART), "--values", str(EXAMPLES / f"{example}.yaml")
    )
