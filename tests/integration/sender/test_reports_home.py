"""Reports that real mail servers make (RFC 3464) come home: Debian's Postfix and Exim took a message, and could not
deliver it, or were late, or did."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from shared.contracts.events import Event
from shared.contracts.messages import Message
from tests.fixtures.deployment import eventually
from tests.fixtures.mail_hosts.exim import Exim
from tests.fixtures.mail_hosts.place import certificate, folder
from tests.fixtures.mail_hosts.postfix import MAILBOXES, Postfix, install
from tests.fixtures.own_ports import own_ports
from tests.integration.sender.return_door import DOMAIN, ReturnWorld
from tests.integration.sender.world import World

OURS, BEYOND = "example.test", "sink.test"
PORTS = own_ports(21620)
DOOR = PORTS + 9
LARGEST = 1024 * 1024
POSTFIX = (
    MAILBOXES
    + """myhostname = mx.postfix.example
mynetworks = 127.0.0.0/8
transport_maps = inline:{{{{{beyond} = smtp:[127.0.0.1]:{sink}}}, {{{returns} = smtp:[127.0.0.1]:{door}}}}}
smtp_tls_security_level = none
delay_warning_time = 1s
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
)


@contextmanager
def postfix(sink: int) -> Iterator[int]:
    install()
    with folder("postfix") as base:
        (base / "mail").mkdir(mode=0o777)
        (base / "mail").chmod(0o777)
        values = {"domain": OURS, "beyond": BEYOND, "returns": DOMAIN, "base": base, "sink": sink, "door": DOOR}
        instance = Postfix(base, PORTS, POSTFIX.format(**values))
        instance.start()
        yield PORTS
        instance.stop()


@contextmanager
def exim(sink: int) -> Iterator[int]:
    with folder("exim") as base:
        relays = {BEYOND: sink, DOMAIN: DOOR}
        instance = Exim(base, PORTS + 1, OURS, certificate(base), LARGEST, relays)
        instance.start()
        yield PORTS + 1
        instance.stop()


Sent = Callable[[str], Awaitable[Message]]


@asynccontextmanager
async def sending(world: World, port: int) -> AsyncIterator[tuple[ReturnWorld, Sent]]:
    """Our sender with its return door, whose smart host listens on `port`; and what sends by it."""
    returns = ReturnWorld(world)

    async def sent(recipient: str) -> Message:
        message = await world.message(recipient, route=world.route(port, kind="smarthost"))
        await world.clear(message)
        return message

    async with returns.open(returns_port=DOOR, dsn_success=True):
        yield returns, sent


async def reported(world: World, message: Message) -> Event | None:
    events = await world.events(message)
    return next((event for event in events if event.type in ("reported", "delivered")), None)


@pytest.fixture(params=[postfix, exim])
async def host(world: World, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    if os.geteuid() != 0:
        pytest.skip("Postfix and Exim start with a configuration of their own from root only")
    with request.param(world.sink.port) as port:
        yield port


async def test_what_the_host_reports_is_told_of_the_message(world: World, host: int) -> None:
    async with sending(world, host) as (returns, sent):
        unknown, refused = await sent(f"permfail@{BEYOND}"), await sent(f"reject-data@{BEYOND}")
        beyond, arrived = await sent(f"ok@{BEYOND}"), await sent(f"someone@{OURS}")
        bounced = await returns.event(unknown, "bounced")
        content = await returns.event(refused, "bounced")
        # of what went on to a host that reports nothing, Postfix says that it was relayed, Exim that it was delivered
        passed_on = await eventually(lambda: reported(world, beyond), what="a report of success")
        delivered = await returns.event(arrived, "delivered")
        before = await world.events(unknown, "relayed")
    assert [event.type for event in before] == ["relayed", "bounced"]
    assert (bounced.data["oob"], bounced.data["class"], bounced.data["hard"]) == (True, "invalid_recipient", True)
    assert (bounced.data["code"], bounced.data["enhanced"]) == (550, "5.1.1")
    assert "no such user" in bounced.data["reply"]
    assert (content.data["class"], content.data["hard"]) == ("content_rejected", True)
    assert passed_on.data.get("action") == "relayed" or (passed_on.type, passed_on.data["oob"]) == ("delivered", True)
    assert delivered.data["oob"]


async def test_a_delay_is_told_and_changes_nothing(world: World) -> None:
    if os.geteuid() != 0:
        pytest.skip("Postfix's master starts as root only")
    with postfix(world.sink.port) as port:
        async with sending(world, port) as (returns, sent):
            message = await sent(f"tempfail@{BEYOND}")
            delayed = await returns.event(message, "reported")
    assert delayed.data["action"] == "delayed"
    assert delayed.data["enhanced"] == "4.3.0"
