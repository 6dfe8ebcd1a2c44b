"""One attempt at one message: hosts in order, by idle or new connections, until a reply belongs to the message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeGuard

from services.sender.smtp.body import Blocks
from services.sender.smtp.connection import Connection
from services.sender.smtp.connections import Connections, Tries
from services.sender.smtp.conversation import Envelope, deliver
from services.sender.smtp.outcomes import Abandoned, BounceClass, Bounced, Deferred, Failed, Outcome, Stage, Step
from services.sender.smtp.peers import Egress
from services.sender.smtp.transcript import record_of
from services.sender.smtp.unreached import LOOP_RULE

MAX_SESSIONS = 2

_BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
_BEFORE_BODY = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})


async def attempt(
    connections: Connections,
    egress: Egress,
    envelope: Envelope,
    message: bytes | Blocks,
    before_dot: Callable[[], Awaitable[bool]],
) -> Outcome | Abandoned:
    """Tries the hosts in order (RFC 5321 section 5.1) and gives the outcome that stands, with the steps of all tries.

    The next host is tried only while no reply belongs to the message: after a failed connection, greeting or TLS, a
    loss before the body, or 421; and no host behind one that is this system (see `Connections.hosts`). At most two
    hosts get as far as MAIL, and at most five addresses are dialled. A kept connection that turns out to be gone is
    replaced by a new one to the same host, once. `before_dot` is awaited at most once. See `conversation.deliver`.
    """
    steps: list[Step] = []
    outcome: Outcome | None = None
    sessions, tries = 0, Tries()
    hosts = await connections.hosts(egress)
    if not isinstance(hosts, list):
        return hosts
    for host in hosts:
        tries.last = host is hosts[-1]
        connection = await connections.acquire(egress, host, tries)
        if isinstance(connection, Connection):
            reused = connection.deliveries > 0
            tried: Outcome | Abandoned = await _converse(connections, connection, envelope, message, before_dot)
            if reused and _stale(tried):
                steps += tried.transcript
                connection = await connections.dial(egress, host, connection.asked, tries)
                if isinstance(connection, Connection):
                    tried = await _converse(connections, connection, envelope, message, before_dot)
                else:
                    tried = connection
            sessions += 1
        else:
            tried = connection
        if isinstance(tried, Abandoned):
            return tried
        steps += tried.transcript
        outcome = _weightier(outcome, tried)
        if not _try_next_host(tried) or sessions == MAX_SESSIONS or not tries.addresses:
            break
    if outcome is None:
        return Failed(text="the route has no host")
    if len(steps) == len(outcome.transcript):
        return outcome  # nothing was tried before it
    return outcome.with_changes(**record_of(steps))


async def _converse(
    connections: Connections,
    connection: Connection,
    envelope: Envelope,
    message: bytes | Blocks,
    before_dot: Callable[[], Awaitable[bool]],
) -> Outcome | Abandoned:
    try:
        tried = await deliver(connection, envelope, message, before_dot)
        if connection.tls_version is None and isinstance(tried, Deferred) and tried.class_ is BounceClass.TLS:
            connections.refused_in_clear(connection)
        return tried
    finally:
        connections.release(connection)


def _stale(tried: Outcome | Abandoned) -> TypeGuard[Deferred]:
    """A kept connection that the peer had given up before it took MAIL: it says nothing about the message."""
    return isinstance(tried, Deferred) and tried.stage is Stage.MAIL and tried.code in (None, 421)


def _try_next_host(tried: Outcome) -> bool:
    if tried.stage in _BEFORE_MAIL:
        return tried.rule != LOOP_RULE
    return isinstance(tried, Deferred) and tried.stage in _BEFORE_BODY and tried.code in (None, 421)


def _weightier(before: Outcome | None, tried: Outcome) -> Outcome:
    """The later outcome stands, but a host that cannot be used at all does not turn a deferral into a bounce."""
    if isinstance(before, Deferred) and isinstance(tried, Bounced) and tried.stage is Stage.CONNECT:
        return before
    return tried
