"""Helm, an API server of Kubernetes and the definitions of others' resources, built or taken out of Go modules once and
kept below the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.errors import InstallError
from deploy.local.install import cache_folder, once
from tests.fixtures.debian import unpacked

KUBE = Path(__file__).parent / "kube"
KUBERNETES = "1.33.5"
HELM = {3: "helm.sh/helm/v3/cmd/helm@v3.22.0", 4: "helm.sh/helm/v4/cmd/helm@v4.3.1"}
DEFINITIONS = {
    "github.com/kedacore/keda/v2@v2.21.0": [
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        for kind in ("podmonitors", "prometheusrules", "servicemonitors")
    ],
    "github.com/external-secrets/external-secrets@v1.3.2": [
        "config/crds/bases/external-secrets.io_externalsecrets.yaml"
    ],
    "sigs.k8s.io/gateway-api@v1.6.3": ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
}


def api_server() -> Path:
    """kube-apiserver, of the modules that `kube/go.mod` names; some minutes of two processors the first time."""

    def fill(target: Path) -> None:
        version = "k8s.io/component-base/version"
        major, minor, _ = KUBERNETES.split(".")
        said = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
        flags = " ".join(f"-X {version}.{name}={value}" for name, value in said.items())
        _go(["build", "-C", str(KUBE), "-mod=readonly", "-ldflags", f"-s -w {flags}", "-o", str(target), "."])
        (target / "kube").rename(target / "kube-apiserver")

    return _kept(f"kube-apiserver-{_digest(KUBE)}", fill) / "kube-apiserver"


def etcd() -> Path:
    return unpacked("etcd", ["etcd-server"]) / "usr" / "bin" / "etcd"


def helm(major: int) -> Path:
    """The newest Helm 3 or 4 that there was."""

    def fill(target: Path) -> None:
        _go(["install", "-ldflags", "-s -w", HELM[major]], GOBIN=str(target))

    return _kept(f"helm-{HELM[major].rpartition('@v')[2]}", fill) / "helm"


def definitions() -> list[Path]:
    """The files that define the resources of KEDA, the Prometheus operator, External Secrets and the Gateway API."""

    def fill(target: Path) -> None:
        for module, files in DEFINITIONS.items():
            downloaded = json.loads(_go(["mod", "download", "-json", module]))
            for file in files:
                shutil.copy(Path(downloaded["Dir"]) / file, target)

    name = hashlib.sha256(json.dumps(DEFINITIONS).encode()).hexdigest()[:12]
    return sorted(_kept(f"kubernetes-definitions-{name}", fill).glob("*.yaml"))


def _kept(name: str, fill: Callable[[Path], None]) -> Path:
    try:
        return once(cache_folder(), name, fill)
    except InstallError as error:
        pytest.skip(f"{name} cannot be had: {error}")


def _go(arguments: list[str], **environ: str) -> str:
    if shutil.which("go") is None:
        raise InstallError("go is missing")
    # beside tests of others the compiler may wait
    done = subprocess.run(
        ["nice", "-n", "10", "go", *arguments], capture_output=True, text=True, env={**os.environ, **environ}
    )
    if done.returncode:
        raise InstallError(f"go {arguments[0]}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def _digest(folder: Path) -> str:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
