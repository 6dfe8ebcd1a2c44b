"""What an image is made from: services and shared alone, and the locked packages that pyproject.toml asks for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(r"^([\w.-]+)==([^ ;\\]+)", re.MULTILINE)
WITHOUT_DEPLOY = """
import sys
sys.modules["deploy"] = None
from services.cli import app
app()
"""


def lock(name: str) -> dict[str, str]:
    """The packages of a lock file, each with its version."""
    text = (ROOT / name).read_text()
    pinned = {canonicalize_name(package): version for package, version in PINNED.findall(text)}
    assert text.count("--hash=sha256:") >= len(pinned) > 0
    return pinned


RUNTIME, EVERYTHING, BUILD = map(lock, ("requirements.lock", "requirements-dev.lock", "requirements-build.lock"))


@pytest.mark.parametrize(
    ("requirements", "pinned"),
    [
        (PROJECT["project"]["dependencies"], RUNTIME),
        (PROJECT["project"]["dependencies"], EVERYTHING),
        (PROJECT["project"]["optional-dependencies"]["dev"], EVERYTHING),
        (PROJECT["build-system"]["requires"], BUILD),
    ],
)
def test_a_lock_holds_what_is_asked_for(requirements: list[str], pinned: dict[str, str]) -> None:
    for wanted in map(Requirement, requirements):
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), f"{wanted}: make lock"


def test_the_runtime_has_the_same_versions_and_none_of_the_tools() -> None:
    assert RUNTIME.items() < EVERYTHING.items()
    assert BUILD.items() < EVERYTHING.items()
    tools = {canonicalize_name(Requirement(each).name) for each in PROJECT["project"]["optional-dependencies"]["dev"]}
    assert not tools & RUNTIME.keys()


def test_the_command_works_without_the_local_stack() -> None:
    shown = subprocess.run([sys.executable, "-c", WITHOUT_DEPLOY, "--help"], capture_output=True, text=True, check=True)
    words = set(shown.stdout.split())
    assert {"run", "topics", "indexes", "keys", "bootstrap", "queue"} <= words
    assert not {"up", "down", "publish"} & words
