"""A real API server of Kubernetes with etcd, on free ports: admission, validation and definitions, but no nodes."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.chart import programs
from tests.fixtures.real_process import free_port

READY_SECONDS = 240
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


@dataclass(frozen=True)
class Cluster:
    """A running API server: a client of its administrator, and the file that programs find it by."""

    http: httpx.Client
    kubeconfig: Path

    def add_namespace(self, name: str) -> None:
        """One that takes no pods but those that keep to the restricted standard, and warns of others."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": RESTRICTED}})

    def create(self, path: str, document: dict[str, Any]) -> None:
        answer = self.http.post(path, json=document)
        assert answer.status_code == 201, answer.text

    def objects(self, namespace: str) -> dict[tuple[str, str], dict[str, Any]]:
        """What a namespace holds, by kind and name, but for events and what the server puts there."""
        found = {}
        for path, kind in self._kinds():
            for item in self.http.get(path.format(namespace=namespace)).json()["items"]:
                found[kind, item["metadata"]["name"]] = {"kind": kind, **item}  # lists leave it out
        return {key: item for key, item in found.items() if key not in OF_THE_SERVER and key[0] != "Event"}

    def _kinds(self) -> Iterator[tuple[str, str]]:
        groups = [group["preferredVersion"]["groupVersion"] for group in self.http.get("/apis").json()["groups"]]
        for group in ("v1", *groups):
            root = "/api/v1" if group == "v1" else f"/apis/{group}"
            for each in self.http.get(root).json()["resources"]:
                if each["namespaced"] and "list" in each["verbs"]:
                    yield f"{root}/namespaces/{{namespace}}/{each['name']}", each["kind"]


OF_THE_SERVER = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """The server with the definitions of KEDA and others; ended with the block."""
    data, peers, port = free_port(), free_port(), free_port()
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n')
    for command in (["genrsa", "-out", "sa.key", "2048"], ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    here = "http://127.0.0.1"
    with ExitStack() as stack:
        stack.enter_context(_process(folder / "etcd.log", [
            str(programs.etcd()), "--data-dir", str(folder / "etcd"),
            "--listen-client-urls", f"{here}:{data}", "--advertise-client-urls", f"{here}:{data}",
            "--listen-peer-urls", f"{here}:{peers}", "--initial-advertise-peer-urls", f"{here}:{peers}",
            "--initial-cluster", f"default={here}:{peers}",
        ]))  # fmt: skip
        server = stack.enter_context(_process(folder / "apiserver.log", [
            str(programs.api_server()), f"--etcd-servers={here}:{data}", f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={folder / 'certs'}", f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC",
            f"--service-account-key-file={folder / 'sa.pub'}",
            f"--service-account-signing-key-file={folder / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.local", "--service-cluster-ip-range=10.0.0.0/16",
            # no controller makes the account that pods without one of their own would have
            "--disable-admission-plugins=ServiceAccount",
        ]))  # fmt: skip
        http = stack.enter_context(
            httpx.Client(
                base_url=f"https://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {token}"},
                verify=False,
                timeout=60,
                trust_env=False,
            )
        )
        cluster = Cluster(http, _kubeconfig(folder, str(http.base_url), token))
        _until(lambda: _answers(http, server), f"the API server: see {folder}")
        _define(cluster)
        yield cluster


@contextmanager
def _process(log: Path, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _define(cluster: Cluster) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in programs.definitions():
        for document in yaml.safe_load_all(file.read_text()):
            if document and document["kind"] == "CustomResourceDefinition":
                cluster.create(path, document)

    def established() -> bool:
        return all(
            any(
                one["type"] == "Established" and one["status"] == "True"
                for one in item["status"].get("conditions") or ()
            )
            for item in cluster.http.get(path).json()["items"]
        )

    _until(established, "the definitions")


def _answers(http: httpx.Client, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "it ended at its start"
    try:
        return http.get("/readyz").text == "ok"
    except httpx.TransportError:
        return False


def _until(holds: Any, what: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not ready: {what}"
        time.sleep(0.2)


def _kubeconfig(folder: Path, server: str, token: str) -> Path:
    file = folder / "kubeconfig"
    named = {"apiVersion": "v1", "kind": "Config", "current-context": "test"}
    cluster = {"name": "test", "cluster": {"server": server, "insecure-skip-tls-verify": True}}
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    user = {"name": "test", "user": {"token": token}}
    file.touch(0o600)  # Helm warns of one that others may read
    file.write_text(json.dumps({**named, "clusters": [cluster], "contexts": [context], "users": [user]}))
    return file
