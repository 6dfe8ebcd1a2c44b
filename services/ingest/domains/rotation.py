"""The life of a domain's DKIM keys: pending, published, active, retiring, revoked.

A key signs once the DNS shows it; the key before it stays published for as long as mail that it signed may still be
verified, and is then revoked (RFC 6376 section 3.6.1: an empty p=).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.contracts.entities import DkimKeyPair, Domain, KeyState

MOST_LIVING = 8
MOST_REVOKED = 20
WAITING = (KeyState.PENDING, KeyState.PUBLISHED)


def turned(domain: Domain, shown: Mapping[str, bool | None], now: datetime, retiring: timedelta) -> Domain:
    """The domain after a look at its selectors: True where the DNS shows the key, None where it did not tell.

    A replaced key stays published for `retiring`.
    """
    keys = [_aged(key, shown.get(key.selector), now, retiring) for key in domain.keys]
    successor = _successor(keys, shown) if domain.rotate or domain.active is None else None
    if successor is None:
        return domain.with_changes(keys=_kept(keys))
    moved = {successor: KeyState.ACTIVE, domain.active: KeyState.RETIRING}
    keys = [_moved(key, moved[key.selector], now) if key.selector in moved else key for key in keys]
    return domain.with_changes(keys=_kept(keys), active=successor, rotate=False)


def is_due(domain: Domain, now: datetime, age: timedelta) -> bool:
    """Whether the signing key has come to the age at which it is to be replaced."""
    if not domain.verified or domain.rotate:
        return False
    signing = [key.since for key in domain.keys if key.selector == domain.active and key.since is not None]
    return any(since + age <= now for since in signing)


def lacks_key(domain: Domain) -> bool:
    """Whether a key has to be made, as none waits that could begin to sign."""
    wanted = domain.rotate or domain.active is None
    return wanted and not any(key.state in WAITING for key in domain.keys)


def has_room(domain: Domain) -> bool:
    """Whether another key may be made: each replaced one is still to be published for days."""
    return sum(key.state is not KeyState.REVOKED for key in domain.keys) < MOST_LIVING


def _aged(key: DkimKeyPair, shown: bool | None, now: datetime, retiring: timedelta) -> DkimKeyPair:
    if key.state is KeyState.PENDING and shown:
        return _moved(key, KeyState.PUBLISHED, now)
    if key.state is KeyState.RETIRING and (key.since is None or now - key.since >= retiring):
        return _moved(key, KeyState.REVOKED, now).with_changes(private_key="", public_key="")
    return key


def _successor(keys: list[DkimKeyPair], shown: Mapping[str, bool | None]) -> str | None:
    ready = (key.selector for key in keys if key.state is KeyState.PUBLISHED and shown.get(key.selector))
    return next(ready, None)


def _moved(key: DkimKeyPair, state: KeyState, now: datetime) -> DkimKeyPair:
    return key.with_changes(state=state, since=now)


def _kept(keys: list[DkimKeyPair]) -> list[DkimKeyPair]:
    """Of the revoked keys the last ones: they tell which selectors were used."""
    revoked = [key for key in keys if key.state is KeyState.REVOKED]
    forgotten = {key.selector for key in revoked[:-MOST_REVOKED]}
    return [key for key in keys if key.selector not in forgotten]
