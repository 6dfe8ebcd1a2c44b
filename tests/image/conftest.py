"""The image, built once for a run from this checkout, and its files."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from deploy.local.install import CHECKOUT
from tests.fixtures.buildah import Buildah
from tests.image.container import Image
from tests.image.unpacking import unpack

TAG = "localhost/posthorn:tested"
OF_AN_INDEX = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="session")
def pip_settings() -> dict[str, str]:
    """How this machine's pip finds its packages: what the image must know nothing of."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    pairs = (line.partition("=") for line in told.stdout.splitlines())
    return {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in pairs}


@pytest.fixture(scope="session")
def buildah() -> Buildah:
    return Buildah()


@pytest.fixture(scope="session")
def image(buildah: Buildah, pip_settings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image built as a user builds it, with this machine's pip settings and certificates as secrets."""
    folder = tmp_path_factory.mktemp("image")
    secret = folder / "pip.conf"
    certificates = pip_settings.get("cert") or os.environ.get("SSL_CERT_FILE") or CERTIFICATES
    lines = [f"{name} = {pip_settings[name]}" for name in OF_AN_INDEX if name in pip_settings]
    secret.write_text("\n".join(["[global]", "cert = /run/secrets/pip-ca.pem", *lines, ""]))
    secrets = [f"--secret=id=pip.conf,src={secret}", f"--secret=id=pip-ca.pem,src={certificates}"]
    buildah.build(CHECKOUT / "deploy" / "Dockerfile", CHECKOUT, TAG, *secrets)
    archive = folder / "image.tar"
    buildah("push", TAG, f"docker-archive:{archive}")
    return unpack(archive, folder / "unpacked")
