"""Failpoints act where they are set and nowhere else; every name that the code reaches is declared, and reached."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.roles import SERVICES
from services.run import compose
from shared.failpoints import CONSUMERS, PLACES, VARIABLE, FailpointError, Failpoints, failpoints
from shared.service import Base

ROOT = Path(__file__).parents[3]
REACHER = """
from shared.failpoints import reach
from shared.telemetry.logging import setup_logging
setup_logging("test")
for number in range(1, 4):
    print(number, flush=True)
    reach("relay.published", 2)
"""


def reaching(setting: str | None) -> subprocess.Popen[str]:
    environ = {name: text for name, text in os.environ.items() if name != VARIABLE}
    environ |= {} if setting is None else {VARIABLE: setting}
    return subprocess.Popen([sys.executable, "-c", REACHER], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("setting", "lines", "code"),
    [
        (None, "1\n2\n3\n", 0),
        ("relay.marked=kill", "1\n2\n3\n", 0),
        ("relay.published=kill@7", "1\n2\n3\n", 0),
        ("relay.published=kill@3", "1\n2\n", -signal.SIGKILL),
        ("relay.marked=stop,relay.published=kill", "1\n", -signal.SIGKILL),
    ],
)
def test_a_process_kills_itself_at_the_point_and_the_time_that_are_set(
    setting: str | None, lines: str, code: int
) -> None:
    process = reaching(setting)
    assert process.communicate(timeout=30)[0] == lines
    assert process.returncode == code


def test_a_process_stops_itself_and_goes_on_when_it_is_told_to() -> None:
    process = reaching("relay.published=stop@2")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == "1\n2\n3\n"


@pytest.mark.parametrize("text", ["relay.unknown=kill", "relay.marked", "relay.marked=nap", "relay.marked=kill@soon"])
def test_what_is_no_failpoint_is_refused(text: str) -> None:
    with pytest.raises(FailpointError, match=VARIABLE):
        Failpoints(text)


def test_nothing_is_set_without_the_variable() -> None:
    assert not failpoints


def reached() -> Iterator[str]:
    for path in [path for folder in ("services", "shared") for path in ROOT.joinpath(folder).rglob("*.py")]:
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) == "reach" and isinstance(call.args[0], ast.Constant):
                yield call.args[0].value


def test_what_is_reached_is_declared_and_what_is_declared_is_reached_in_one_place() -> None:
    assert sorted(reached()) == sorted(PLACES)


def test_every_consumer_has_a_failpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Base, "consume", lambda self, name, *_, **__: seen.append(f"{self.name}.{name}"))
    for name in ("PEPPER", "TOKEN_KEY", "ENCRYPTION_KEY"):
        monkeypatch.setenv(f"POSTHORN_{name}", "A" * 44)
    compose(list(SERVICES))
    assert sorted(seen) == sorted(CONSUMERS)
