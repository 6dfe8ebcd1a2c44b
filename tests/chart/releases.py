"""Helm on a cluster: what it is asked, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.helm.chart import CHART
from tests.chart.programs import KUBERNETES

EXAMPLES = CHART / "examples"
WARNING = re.compile(r"^W\d{4} |\bwarn", re.IGNORECASE)
# what `helm template` is told that a cluster has
THERE = ("monitoring.coreos.com/v1", "keda.sh/v1alpha1", "gateway.networking.k8s.io/v1")


@dataclass(frozen=True)
class Helm:
    """A Helm, its folder, and the cluster that it works on, if any."""

    program: Path
    home: Path
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """What it prints; fails where it fails or where it or the server warns."""
        done = self.run(*arguments, values=values)
        assert done.returncode == 0, done.stderr
        assert warnings(done.stderr) == []
        return done.stdout

    def run(self, *arguments: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        given = list(arguments)
        if values is not None:
            file = self.home / "values.yaml"
            file.write_text(yaml.safe_dump(dict(values)))
            given += ["--values", str(file)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
        own = {f"HELM_{name}_HOME": str(self.home / name) for name in ("CACHE", "CONFIG", "DATA")}
        at = {"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {}
        return subprocess.run([str(self.program), *given], capture_output=True, text=True, env={**kept, **own, **at})

    def rendered(self, *arguments: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The objects of the chart as a cluster with everybody's definitions would get them."""
        told = [f"--api-versions={each}" for each in THERE]
        told.append(f"--kube-version={KUBERNETES}")
        text = self("template", "mail", str(CHART), "--namespace", "mail", *told, *arguments, values=values)
        return [document for document in yaml.safe_load_all(text) if document]


def warnings(said: str) -> list[str]:
    """Those lines in which Helm, or the server through it, warns."""
    return [line for line in said.splitlines() if WARNING.search(line)]


def example(name: str) -> tuple[str, str]:
    return "--values", str(EXAMPLES / f"{name}.yaml")


def pods(objects: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pods that Deployments, Jobs and CronJobs would make, by the name of what makes them."""
    for each in objects:
        if each["kind"] in ("Deployment", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]
        elif each["kind"] == "CronJob":
            yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]
