"""What is in the image, and what is not."""

from __future__ import annotations

import json
import os
import re
import stat
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.local.install import CHECKOUT
from tests.image.conftest import CERTIFICATES
from tests.image.container import NOBODY_ELSE, Image
from tests.unit.deploy.test_installed import RUNTIME

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]

SITE = "opt/posthorn/lib/python3.11/site-packages"
BUILDERS = re.compile(r"(bin|libexec)/(pip|wheel|gcc|g\+\+|cc|c\+\+|cpp|ld|as|make|easy_install|uv)[\d.]*$")
DEVELOPMENT = re.compile(
    r"-dev$|^(gcc(?!-\d+-base)|g\+\+|cpp|binutils|build-essential|make|python3.*-venv|python3-pip|git)\b"
)
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{200,}-----END")
ELF = b"\x7fELF"
UNCHECKED = b"\1\0\0\0"  # PEP 552: by hash, and never compared


def files(image: Image) -> Iterator[tuple[Path, os.stat_result]]:
    """All that stands below the root, folders too, each with what lstat(2) says of it."""
    for folder, _, names in os.walk(image.root):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            yield path.relative_to(image.root), path.lstat()


def test_it_says_what_it_is(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    config = image.config
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("10001:10001", ["posthorn"], ["--help"])
    assert config["Labels"]["org.opencontainers.image.version"] == project["version"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "services.healthcheck"]
    assert set(config["ExposedPorts"]) == {f"{port}/tcp" for port in (8080, 9464, 587, 465, 2526)}
    sizes = [layer.stat().st_size for layer in image.layers]
    made = [step["created_by"] for step in image.history if not step.get("empty_layer")]
    with capsys.disabled():
        print(f"\nimage: {sum(sizes) / 1e6:.1f} MB in {len(sizes)} layers, unpacked")
        for size, step in zip(sizes, made, strict=True):
            print(f"  {size / 1e6:7.1f} MB  {step[:90]}")


def test_it_holds_the_locked_packages_and_posthorn_alone(image: Image) -> None:
    installed = {path.name.partition("-")[0] for path in (image.root / SITE).glob("*.dist-info")}
    wanted = {name.replace("-", "_") for name in RUNTIME} | {"posthorn"}
    assert {name.lower().replace(".", "_").replace("-", "_") for name in installed} <= wanted
    assert {"posthorn", "fastapi", "aiokafka"} <= installed
    assert not {"deploy", "tests"} & {path.name for path in (image.root / SITE).iterdir()}
    assert (image.root / SITE / "services" / "sender" / "providers.toml").is_file()


def test_nothing_in_it_builds_or_installs(image: Image) -> None:
    status = (image.root / "var" / "lib" / "dpkg" / "status").read_text()
    packages = re.findall(r"^Package: (.+)$", status, re.MULTILINE)
    assert {"python3", "ca-certificates"} <= set(packages)
    assert not [name for name in packages if DEVELOPMENT.search(name)]
    assert not [path for path, _ in files(image) if BUILDERS.search(str(path))]
    assert not list((image.root / "usr" / "lib").glob("python3*/ensurepip"))


def test_nobody_becomes_another_and_the_user_writes_only_to_tmp(image: Image) -> None:
    user, group = NOBODY_ELSE
    special, writable = [], []
    for path, found in files(image):
        mode = found.st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            special.append(path)
        allowed = (found.st_uid == user and mode & stat.S_IWUSR) or (found.st_gid == group and mode & stat.S_IWGRP)
        if not stat.S_ISLNK(mode) and (allowed or mode & stat.S_IWOTH) and path.parts[:1] not in (("tmp",), ("dev",)):
            writable.append(path)
    assert (special, writable) == ([], [])


def test_byte_code_is_there_for_good(image: Image) -> None:
    """The root is read-only: what is not compiled now is compiled at every start."""
    sources = [path for path in (image.root / SITE).rglob("*.py") if "{" not in path.name]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc" for path in sources]
    missing = [str(path) for path in compiled if not path.exists()]
    assert len(compiled) > 1000
    assert missing == []
    assert {path.read_bytes()[4:8] for path in compiled if path.stat().st_size} == {UNCHECKED}


def test_nothing_of_the_machine_that_built_it_is_in_it(image: Image, pip_settings: Mapping[str, str]) -> None:
    """No key, no certificate authority but Debian's, no package index: in no layer, nor in its history."""
    own = (image.root / "etc" / "ssl" / "certs" / "ca-certificates.crt").read_text()
    machines = Path(pip_settings.get("cert", CERTIFICATES)).read_text()
    foreign = [each.encode() for each in _certificates(machines) if each not in own]
    secrets = [value.encode() for name, value in pip_settings.items() if name.endswith(("url", "host", "proxy"))]
    history = json.dumps([image.history, image.config]).encode()
    for where, held in ((("history", history)), *_held(image)):
        assert not [each for each in (*foreign, *secrets) if each in held], where
        assert held.startswith(ELF) or not PRIVATE_KEY.search(held), where  # libraries hold keys to test themselves
        assert b"[global]\ncert = " not in held, where


def _certificates(bundle: str) -> list[str]:
    """The first whole line of each certificate that tells it from others: its second."""
    return [each.split("\n")[2] for each in bundle.split("-----BEGIN CERTIFICATE-----")[1:]]


def _held(image: Image) -> Iterator[tuple[str, bytes]]:
    for layer in image.layers:
        with tarfile.open(layer) as packed:
            for member in packed:
                if member.isfile():
                    content = packed.extractfile(member)
                    assert content is not None
                    yield f"{layer.name[:12]}: {member.name}", content.read()
