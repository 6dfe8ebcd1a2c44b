"""One attempt at one message: hosts in order, by idle or new connections, until a reply belongs to the message."""

from __future__ import annotations

from typing import TypeGuard

from services.sender.smtp.connection import Connection
from services.sender.smtp.connections import Connections, Tries
from services.sender.smtp.conversation import deliver
from services.sender.smtp.outcomes import Abandoned, BounceClass, Bounced, Deferred, Failed, Outcome, Stage, Step
from services.sender.smtp.peers import Egress
from services.sender.smtp.transaction import Transaction
from services.sender.smtp.transcript import record_of
from services.sender.smtp.unreached import LOOP_RULE
from shared.contracts.messages import Host

_BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
_BEFORE_BODY = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})


async def attempt(connections: Connections, egress: Egress, transaction: Transaction) -> Outcome | Abandoned:
    """Tries the hosts in order (RFC 5321 section 5.1) and gives the outcome that stands, with the steps of all tries.

    The next host is tried only while no reply belongs to the message: after a failed connection, greeting or TLS, a
    loss before the body, or 421; and no host behind one that is this system (see `Connections.hosts`). At most two
    hosts get as far as MAIL, and at most five addresses are dialled. A kept connection that turns out to be gone is
    replaced by a new one to the same host, once. `before_dot` is awaited at most once. See `conversation.deliver`.

    It begins in its place behind another transaction where that leads to the first host. There a host that only says
    no to what comes so early is asked again on a connection of its own; no other is opened before that place is free.
    """
    steps: list[Step] = []
    outcome: Outcome | None = None
    behind, tries = transaction.behind, Tries()
    hosts = await connections.hosts(egress)
    if not isinstance(hosts, list):
        return hosts
    kept = await connections.follow(egress, hosts[0], behind) if behind is not None and hosts else None
    if behind is not None and behind.is_left:
        return Abandoned()
    for host in hosts:
        tries.last = host is hosts[-1]
        tried = await _try(connections, egress, host, transaction, tries, kept)
        if isinstance(tried, Abandoned):
            return tried
        kept = None
        steps += tried.transcript
        outcome = _weightier(outcome, tried)
        if not _try_next_host(tried) or not tries.sessions or not tries.addresses:
            break
    if outcome is None:
        return Failed(text="the route has no host")
    if len(steps) == len(outcome.transcript):
        return outcome  # nothing was tried before it
    return outcome.with_changes(**record_of(steps))


async def _try(
    connections: Connections,
    egress: Egress,
    host: Host,
    transaction: Transaction,
    tries: Tries,
    kept: Connection | None,
) -> Outcome | Abandoned:
    """One host: by the `kept` connection of the place behind another, an idle one or a new one. What only an old
    connection can have been the cause of is tried again on a new one."""
    connection = kept or await connections.acquire(egress, host, tries)
    if not isinstance(connection, Connection):
        return connection
    tries.sessions -= 1
    reused = connection.deliveries > 0
    tried = await _converse(connections, connection, transaction)
    if not (reused and (_stale(tried) or (kept and _too_early(tried)))):
        return tried
    if kept and (behind := transaction.behind) is not None:
        if not await behind.wait():
            return Abandoned()
        if behind.ended_well:
            connections.distrust(host)
    again: Connection | Outcome | Abandoned = await connections.dial(egress, host, connection.asked, tries)
    if isinstance(again, Connection):
        again = await _converse(connections, again, transaction)
    if isinstance(again, Abandoned):
        return again
    return again.with_changes(**record_of([*tried.transcript, *again.transcript]))


async def _converse(connections: Connections, connection: Connection, transaction: Transaction) -> Outcome | Abandoned:
    tried: Outcome | Abandoned | None = None
    try:
        tried = await deliver(connection, transaction)
        if connection.tls_version is None and isinstance(tried, Deferred) and tried.class_ is BounceClass.TLS:
            connections.refused_in_clear(connection)
        return tried
    finally:
        followed, connection.followed = connection.followed, None
        mine = connection.behind is None or not connection.behind.is_left
        if mine and (followed is None or followed.over(well=_has_reply(tried))):
            connections.release(connection)


def _has_reply(tried: Outcome | Abandoned | None) -> bool:
    return tried is not None and not isinstance(tried, Abandoned) and tried.code not in (None, 421)


def _too_early(tried: Outcome | Abandoned) -> TypeGuard[Deferred | Bounced]:
    """A refusal of MAIL that came behind another message: perhaps of that alone (RFC 2920 section 3.2)."""
    return isinstance(tried, Deferred | Bounced) and tried.stage is Stage.MAIL


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
