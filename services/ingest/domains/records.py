"""The DNS records that a domain is to publish, and the questions that show whether it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from services.ingest.settings import Settings
from shared.contracts.entities import Domain, KeyState
from shared.dkim_keys import txt_record

OWNERSHIP_PREFIX = "posthorn-verification="
NAMELESS_ZONE = "posthorn.test"  # where the public URL has an address for a host, as on a laptop
DEEPEST_WALK = 8


class Purpose(StrEnum):
    OWNERSHIP = "ownership"
    DKIM = "dkim"
    RETURN_PATH = "return_path"
    DMARC = "dmarc"
    TRACKING = "tracking"


class Question(NamedTuple):
    """A lower-case name without the final dot, and the type of record that is asked for."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of one name and type, none where there are none; `failure` says why it is not known.

    A TXT record is its strings joined without anything between them (RFC 6376 section 3.6.2.2), a CNAME its target and
    an MX `<preference> <host>`, names in lower case without the final dot.
    """

    records: tuple[str, ...] = ()
    failure: str | None = None


Answers = Mapping[Question, Answer]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to publish. Without a `required` one the domain is not verified; `selector` names a DKIM key's."""

    purpose: Purpose
    type: str
    name: str
    value: str
    required: bool = False
    selector: str | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """The platform's own names, which domains point to: lower case, without the final dot."""

    returns: str
    tracking: str
    spf: str

    @classmethod
    def of(cls, settings: Settings) -> Zone:
        zone = settings.platform_zone or _host_name(settings.public_url) or NAMELESS_ZONE
        names = (
            settings.return_path_host or settings.returns_domain or f"returns.{zone}",
            settings.tracking_host or f"track.{zone}",
            settings.spf_include or f"_spf.{zone}",
        )
        return cls(*(name.lower().rstrip(".") for name in names))


def _host_name(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host if "." in host else None
    return None


def return_path_of(name: str) -> str:
    return f"bounce.{name}"


def dkim_name(selector: str, domain: str) -> str:
    return f"{selector}._domainkey.{domain}"


def wanted_records(domain: Domain, zone: Zone) -> list[Wanted]:
    """Every record that the domain is to publish. Of its revoked keys the last of each kind is told, as revoked."""
    name = domain.name
    wanted = []
    if domain.ownership:
        value = f"{OWNERSHIP_PREFIX}{domain.ownership}"
        wanted.append(Wanted(Purpose.OWNERSHIP, "TXT", f"_posthorn.{name}", value, required=not domain.declared))
    revoked = {key.algorithm: key for key in domain.keys if key.state is KeyState.REVOKED}
    for key in [*(key for key in domain.keys if key.state is not KeyState.REVOKED), *revoked.values()]:
        signing = key.selector == (domain.active or domain.keys[0].selector)
        record = Wanted(
            Purpose.DKIM,
            "TXT",
            dkim_name(key.selector, name),
            txt_record(key.public_key, key.algorithm),
            required=signing and not domain.declared,
            selector=key.selector,
        )
        wanted.append(record)
    wanted.append(Wanted(Purpose.RETURN_PATH, "CNAME", return_path_of(name), zone.returns))
    wanted.append(Wanted(Purpose.DMARC, "TXT", f"_dmarc.{name}", "v=DMARC1; p=none"))
    if domain.tracking_subdomain:
        wanted.append(Wanted(Purpose.TRACKING, "CNAME", f"{domain.tracking_subdomain}.{name}", zone.tracking))
    return wanted


def questions_of(domain: Domain, wanted: Sequence[Wanted]) -> set[Question]:
    """All that has to be asked to judge the records, and whether the domain takes mail at all."""
    asked = {Question(domain.name, "MX")}
    for record in wanted:
        asked.add(Question(record.name, record.type))
        if record.purpose is Purpose.RETURN_PATH:
            asked |= {Question(record.name, "MX"), Question(record.name, "TXT")}
        elif record.purpose is Purpose.DMARC:
            asked |= {Question(f"_dmarc.{name}", "TXT") for name in tree_walk(domain.name)}
        elif record.purpose is Purpose.TRACKING:
            asked |= {Question(record.name, "A"), Question(record.name, "AAAA")}
    return asked


def tree_walk(name: str) -> list[str]:
    """The names whose DMARC record may be a domain's: itself, then what stands above it, the top level left out.

    RFC 9989 section 4.10: at most eight; from longer names the walk goes on with seven labels.
    """
    labels = name.split(".")
    above = [labels[start:] for start in range(1, len(labels) - 1)]
    return [name, *(".".join(rest) for rest in above if len(rest) < DEEPEST_WALK)]
