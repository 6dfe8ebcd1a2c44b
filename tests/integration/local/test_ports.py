"""How the stack chooses its ports."""

import socket
from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.ports import DEFAULT_PORTS, HOST, PortBook, wanted_ports
from tests.fixtures.own_ports import own_ports

FIRST = own_ports(21400)


def test_a_taken_port_moves_up_and_is_remembered(tmp_path: Path) -> None:
    wanted = {"http": FIRST, "kafka": FIRST + 1}
    with socket.create_server((HOST, FIRST)):
        book = PortBook(tmp_path / "stack.json", wanted)
        assert book.settle(lambda name: False) == {"http": (FIRST, FIRST + 1), "kafka": (FIRST + 1, FIRST + 2)}
    again = PortBook(tmp_path / "stack.json", wanted)
    assert again.ports == {"http": FIRST + 1, "kafka": FIRST + 2}
    again.settle(lambda name: False)
    assert again.ports == {"http": FIRST + 1, "kafka": FIRST + 2}


def test_the_port_of_a_running_part_stays(tmp_path: Path) -> None:
    wanted = {"http": FIRST + 10}
    PortBook(tmp_path / "stack.json", wanted).settle(lambda name: False)
    with socket.create_server((HOST, FIRST + 10)):
        book = PortBook(tmp_path / "stack.json", wanted)
        book.settle(lambda name: True)
        assert book.ports == {"http": FIRST + 10}


def test_a_port_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with (
        socket.create_server((HOST, FIRST + 20)),
        pytest.raises(StartError, match=f"POSTHORN_HTTP_PORT={FIRST + 20} is taken"),
    ):
        PortBook(tmp_path / "stack.json", {"http": FIRST + 20}, {"http"}).settle(lambda name: False)


def test_ports_from_the_environment() -> None:
    ports, explicit = wanted_ports({"POSTHORN_PORT_BASE": "30000", "POSTHORN_SINK_SMTP_PORT": "2525"})
    assert (ports["http"], ports["http_health"], ports["sink_smtp"], explicit) == (30000, 30001, 2525, {"sink_smtp"})
    assert wanted_ports({}) == (DEFAULT_PORTS, set())
    with pytest.raises(StartError, match="POSTHORN_HTTP_PORT=http"):
        wanted_ports({"POSTHORN_HTTP_PORT": "http"})
