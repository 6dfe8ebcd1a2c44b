"""How the stack treats services, with small stand-ins for them."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import stack as stack_module
from deploy.local.errors import StartError
from deploy.local.parts import Program
from deploy.local.ports import HOST
from deploy.local.stack import Stack
from tests.fixtures.own_ports import own_ports

# Ready as soon as it serves; writes down the settings it got.
STAND_IN = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *arguments):
        pass
Path(os.environ["POSTHORN_HOME"], "seen.json").write_text(json.dumps(dict(os.environ)))
HTTPServer(("127.0.0.1", int(os.environ["POSTHORN_HEALTH_PORT"])), Health).serve_forever()
"""
BROKEN = "print('the pepper is missing'); raise SystemExit(3)"
SET_UP = "import os; from pathlib import Path; Path(os.environ['POSTHORN_HOME'], 'set-up').open('a').write('x')"


def stand_in(name: str, code: str) -> Program:
    health = f"{name}_health"
    return Program(name, ("-c", code), health, {"POSTHORN_HEALTH_PORT": f"{{{health}}}"})


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack whose servers are somebody else's and whose services are stand-ins."""
    literal = STAND_IN.replace("{", "{{").replace("}", "}}")
    monkeypatch.setattr(stack_module, "SERVICES", (stand_in("http", literal), stand_in("router", BROKEN)))
    monkeypatch.setattr(stack_module, "SERVICE_NAMES", {"http", "router"})
    monkeypatch.setattr(stack_module, "SET_UP_COMMANDS", (("-c", SET_UP),))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    environ |= {"POSTHORN_KAFKA_BOOTSTRAP": "kafka.test:9092", "POSTHORN_MONGO_URL": "mongodb://mongo.test/"}
    made = Stack(tmp_path / "home", port_base=own_ports(21300), environ=environ)
    yield made
    made.down()


def test_set_up_runs_before_the_first_service_and_not_again(stack: Stack) -> None:
    stack.up(only=["http"])
    pid = stack.pid("http")
    seen = json.loads((stack.home / "seen.json").read_text())
    assert seen["POSTHORN_HEALTH_PORT"] == str(stack.ports["http_health"])
    assert seen["POSTHORN_KAFKA_BOOTSTRAP"] == "kafka.test:9092"
    assert seen["POSTHORN_PUBLIC_URL"] == stack.http_url == f"http://{HOST}:{stack.ports['http']}"
    stack.up(only=["http"])
    assert stack.pid("http") == pid
    assert (stack.home / "set-up").read_text() == "x"
    states = {row.name: row.state for row in stack.status()}
    assert (states["kafka"], states["mongod"], states["http"], states["router"]) == (
        "external", "external", "ready", "stopped",
    )  # fmt: skip


def test_a_killed_service_starts_again_on_its_port(stack: Stack) -> None:
    stack.up(only=["http"])
    before, port = stack.pid("http"), stack.ports["http_health"]
    stack.kill("http", signal.SIGKILL)
    stack.start("http")
    assert stack.pid("http") not in (None, before)
    assert stack.ports["http_health"] == port


def test_a_variable_can_be_given_to_one_start_alone(stack: Stack) -> None:
    stack.start("http", environ={"POSTHORN_ONCE": "1"})
    assert json.loads((stack.home / "seen.json").read_text())["POSTHORN_ONCE"] == "1"
    assert "POSTHORN_ONCE" not in (stack.home / "env").read_text()
    stack.stop("http")
    stack.start("http")
    assert "POSTHORN_ONCE" not in json.loads((stack.home / "seen.json").read_text())


def test_a_halted_service_can_be_stopped(stack: Stack) -> None:
    stack.up(only=["http"])
    stack.kill("http", signal.SIGSTOP)
    stack.stop("http")
    assert stack.pid("http") is None


def test_a_service_that_ends_at_its_start_shows_its_log(stack: Stack) -> None:
    with pytest.raises(StartError, match="router ended at its start") as failed:
        stack.up(only=["router"])
    assert failed.value.log_tail == "the pepper is missing"


def test_a_failed_set_up_starts_no_service(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "SET_UP_COMMANDS", (("-c", "raise SystemExit('no broker')"),))
    with pytest.raises(StartError, match="ended with code 1") as failed:
        stack.up(only=["http"])
    assert failed.value.log_tail == "no broker"
    assert stack.pid("http") is None
