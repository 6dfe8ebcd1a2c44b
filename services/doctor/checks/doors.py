"""The SMTP doors: they offer STARTTLS, it really answers, and the certificate is one that clients take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.doctor.findings import Finding, warn

SOON = timedelta(days=14)
FIX_AWAY = "Start the process with that role, open the port, or name the door as it is reached from here."
FIX_TLS = "Set {setting} (and its key file), which is read again when it changes."
FIX_RENEW = "Renew the certificate; the door reads {setting} again by itself."
FIX_NAMES = "Have a certificate made for {host}, or tell clients the name that it has."


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a door showed. `distrusted` is why a client that verifies refuses it."""

    names: Sequence[str]
    begins: datetime
    ends: datetime
    distrusted: str | None = None


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """`failure` is why nothing more is known. Of a `public` door clients verify the certificate; mail hosts, which the
    return door is for, take any. `setting` names the certificate's."""

    name: str
    host: str
    port: int
    setting: str
    public: bool
    starttls: bool = False
    certificate: Certificate | None = None
    failure: str | None = None


def judge(found: Sequence[DoorFacts], now: datetime) -> Iterator[Finding]:
    for each in found:
        yield from _door(each, now)


def _door(door: DoorFacts, now: datetime) -> Iterator[Finding]:
    subject = f"{door.name} {door.host}:{door.port}"
    if door.failure is not None:
        yield Finding(subject, door.failure, FIX_AWAY)
        return
    if not door.starttls:
        told = "does not offer STARTTLS"
        fix = FIX_TLS.format(setting=door.setting)
        yield Finding(subject, told, fix) if door.public else warn(subject, f"{told}: bounces come in the clear", fix)
        return
    certificate = door.certificate
    if certificate is None:
        yield Finding(subject, "offers STARTTLS and then does not do it", FIX_TLS.format(setting=door.setting))
        return
    renew = FIX_RENEW.format(setting=door.setting)
    if certificate.ends <= now:
        yield Finding(subject, f"its certificate ended on {certificate.ends:%Y-%m-%d}", renew)
    elif certificate.begins > now:
        yield Finding(subject, f"its certificate begins on {certificate.begins:%Y-%m-%d}", renew)
    elif certificate.ends - now < SOON:
        yield warn(subject, f"its certificate ends in {(certificate.ends - now).days} days", renew)
    if not any(covers(name, door.host) for name in certificate.names):
        names = ", ".join(certificate.names) or "nobody"
        told = f"its certificate is for {names}"
        fix = FIX_NAMES.format(host=door.host)
        yield Finding(subject, told, fix) if door.public else warn(subject, told, fix)
    elif certificate.distrusted and certificate.begins <= now < certificate.ends:
        told = f"clients do not trust its certificate: {certificate.distrusted}"
        fix = "Have it signed by an authority that clients know, and put the whole chain into the file."
        yield Finding(subject, told, fix) if door.public else warn(subject, told, fix)


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's name is the host's (RFC 9525 section 6.3: `*` is one whole label)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host
