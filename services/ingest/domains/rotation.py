"""The life of a domain's DKIM keys: pending, published, active, retiring, revoked.

A key signs once the DNS shows it; the key before it stays published for as long as mail that it signed may still be
verified, and is then revoked (RFC 6376 section 3.6.1: an empty p=). RSA and Ed25519 keys live beside each other, each
line with its own that signs; the second line is there only where the domain wants it, and never signs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.entities import DkimKeyPair, Domain, KeyState
from shared.dkim_keys import ED25519, RSA

MOST_LIVING = 8
MOST_REVOKED = 20
WAITING = (KeyState.PENDING, KeyState.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Line:
    """The keys of one algorithm. `active` and `rotate` name the domain's fields for them."""

    algorithm: str
    active: str
    rotate: str

    def signing(self, domain: Domain) -> str | None:
        """The selector that signs."""
        selector: str | None = getattr(domain, self.active)
        return selector

    def rotates(self, domain: Domain) -> bool:
        return bool(getattr(domain, self.rotate))

    def keys(self, domain: Domain) -> list[DkimKeyPair]:
        return [key for key in domain.keys if key.algorithm == self.algorithm]


RSA_LINE = Line(RSA, "active", "rotate")
ED25519_LINE = Line(ED25519, "active_ed25519", "rotate_ed25519")


def lines_of(domain: Domain) -> tuple[Line, ...]:
    return (RSA_LINE, ED25519_LINE) if domain.dkim_ed25519 else (RSA_LINE,)


def turned(domain: Domain, shown: Mapping[str, bool | None], now: datetime, retiring: timedelta) -> Domain:
    """The domain after a look at its selectors: True where the DNS shows the key, None where it did not tell.

    A replaced key stays published for `retiring`.
    """
    aged = domain.with_changes(keys=[_aged(key, shown.get(key.selector), now, retiring) for key in domain.keys])
    for line in lines_of(domain):
        aged = _succeeded(aged, line, shown, now)
    return aged.with_changes(keys=_kept(aged.keys))


def is_rotating(domain: Domain) -> bool:
    return any(line.rotates(domain) for line in lines_of(domain))


def awaits_key(domain: Domain) -> bool:
    """Whether a key is to begin to sign as soon as the DNS shows it."""
    return any(line.rotates(domain) or line.signing(domain) is None for line in lines_of(domain))


def rotation_begun(domain: Domain) -> Domain:
    """The domain with every key that signs about to be replaced."""
    return domain.with_changes(**{line.rotate: True for line in lines_of(domain) if line.signing(domain) is not None})


def begun_where_due(domain: Domain, now: datetime, age: timedelta) -> Domain:
    """The domain with each key about to be replaced that signs and has come to the age for it."""
    due = [line for line in lines_of(domain) if domain.verified and _is_due(domain, line, now, age)]
    return domain.with_changes(**{line.rotate: True for line in due})


def lacking(domain: Domain) -> list[Line]:
    """The lines for which a key has to be made, as none waits that could begin to sign."""
    return [
        line
        for line in lines_of(domain)
        if (line.rotates(domain) or line.signing(domain) is None)
        and not any(key.state in WAITING for key in line.keys(domain))
    ]


def has_room(domain: Domain, line: Line) -> bool:
    """Whether another key may be made: each replaced one is still to be published for days."""
    return sum(key.state is not KeyState.REVOKED for key in line.keys(domain)) < MOST_LIVING


def with_ed25519(domain: Domain, wanted: bool, now: datetime) -> Domain:
    """The domain that signs with a second key, of Ed25519, or no more.

    Its keys that did not sign yet are revoked then, the one that did retires as after a rotation.
    """
    if wanted or not domain.dkim_ed25519:
        return domain.with_changes(dkim_ed25519=wanted)
    ended = {
        KeyState.PENDING: KeyState.REVOKED,
        KeyState.PUBLISHED: KeyState.REVOKED,
        KeyState.ACTIVE: KeyState.RETIRING,
    }
    keys = [
        _moved(key, ended[key.state], now) if key.algorithm == ED25519 and key.state in ended else key
        for key in domain.keys
    ]
    return domain.with_changes(dkim_ed25519=False, active_ed25519=None, rotate_ed25519=False, keys=_kept(keys))


def _succeeded(domain: Domain, line: Line, shown: Mapping[str, bool | None], now: datetime) -> Domain:
    signing = line.signing(domain)
    if not (line.rotates(domain) or signing is None) or (line is not RSA_LINE and domain.active is None):
        return domain
    successor = _successor(line.keys(domain), shown)
    if successor is None:
        return domain
    moved = {successor: KeyState.ACTIVE, signing: KeyState.RETIRING}
    keys = [_moved(key, moved[key.selector], now) if key.selector in moved else key for key in domain.keys]
    return domain.with_changes(keys=keys, **{line.active: successor, line.rotate: False})


def _is_due(domain: Domain, line: Line, now: datetime, age: timedelta) -> bool:
    if line.rotates(domain):
        return False
    signing = [key.since for key in domain.keys if key.selector == line.signing(domain) and key.since is not None]
    return any(since + age <= now for since in signing)


def _aged(key: DkimKeyPair, shown: bool | None, now: datetime, retiring: timedelta) -> DkimKeyPair:
    if key.state is KeyState.PENDING and shown:
        return _moved(key, KeyState.PUBLISHED, now)
    if key.state is KeyState.RETIRING and (key.since is None or now - key.since >= retiring):
        return _moved(key, KeyState.REVOKED, now)
    return key


def _successor(keys: list[DkimKeyPair], shown: Mapping[str, bool | None]) -> str | None:
    ready = (key.selector for key in keys if key.state is KeyState.PUBLISHED and shown.get(key.selector))
    return next(ready, None)


def _moved(key: DkimKeyPair, state: KeyState, now: datetime) -> DkimKeyPair:
    gone = {"private_key": "", "public_key": ""} if state is KeyState.REVOKED else {}
    return key.with_changes(state=state, since=now, **gone)


def _kept(keys: list[DkimKeyPair]) -> list[DkimKeyPair]:
    """Of the revoked keys the last ones: they tell which selectors were used."""
    revoked = [key for key in keys if key.state is KeyState.REVOKED]
    forgotten = {key.selector for key in revoked[:-MOST_REVOKED]}
    return [key for key in keys if key.selector not in forgotten]
