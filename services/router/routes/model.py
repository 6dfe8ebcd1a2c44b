"""A set of rules as it is written and stored: a workspace's, or the platform's.

`transports` is the failover order of whatever no rule takes. Of the rules, in their order, the first that a message
meets decides, but one that names a lane alone only sets it and the search goes on. All conditions of a rule must hold;
of the values that a condition lists, one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.router.mx import HOST_NAME
from shared.addresses import CONTROL
from shared.contracts.record import Timestamp
from shared.contracts.topics import Lane, Stream

MAX_RULES = 200
MAX_TRANSPORTS = 10
MAX_TIERS = 5
MAX_VALUES = 100
RESERVED = ("default", "quarantine")
"""No rule's ids: they name what decides where no rule does."""
RULE_ID = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _printable(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("has control characters")
    return text


def _domain_pattern(text: str) -> str:
    """A domain, or `*.suffix` for every deeper name, in lower-case A-labels."""
    name = text.strip().lower().removesuffix(".")
    star, suffix = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    try:
        suffix = suffix.encode("idna").decode() if not suffix.isascii() else suffix
    except UnicodeError as error:
        raise ValueError("is not a domain") from error
    if not HOST_NAME.fullmatch(suffix):
        raise ValueError("is neither a domain nor *.suffix")
    return star + suffix


Printable = Annotated[str, AfterValidator(_printable)]
DomainPattern = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_domain_pattern)]
TransportId = Annotated[str, Field(min_length=1, max_length=64)]
Tag = Annotated[str, Field(min_length=1, max_length=128)]
Rollup = Annotated[str, Field(min_length=1, max_length=260)]
RuleId = Annotated[str, Field(pattern=RULE_ID)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Bounds(_Part):
    """Both inclusive; at least one of them."""

    at_least: int | None = Field(None, ge=0, le=2**53)
    at_most: int | None = Field(None, ge=0, le=2**53)


class Conditions(_Part):
    """What a message must be; a condition that is not there is met by all. `size` is in bytes before MIME, `attempt`
    the number of SMTP attempts made before."""

    streams: list[Stream] | None = Field(None, min_length=1, max_length=len(Stream))
    tags: list[Tag] | None = Field(None, min_length=1, max_length=MAX_VALUES)
    sender_domains: list[DomainPattern] | None = Field(None, min_length=1, max_length=MAX_VALUES)
    recipient_domains: list[DomainPattern] | None = Field(None, min_length=1, max_length=MAX_VALUES)
    rollups: list[Rollup] | None = Field(None, min_length=1, max_length=MAX_VALUES)
    size: Bounds | None = None
    attempt: Bounds | None = None

    @property
    def always_hold(self) -> bool:
        return not self.model_dump(exclude_none=True)


class Target(_Part):
    """A transport of a tier; its share there is by weight, that of the transport itself where none is named."""

    transport: TransportId
    weight: int | None = Field(None, ge=0, le=1000)


class Hold(_Part):
    """The message waits, no attempt burnt, until then at most; without a time until the rule has gone."""

    reason: Printable = Field(min_length=1, max_length=200)
    until: Timestamp | None = None


class Reject(_Part):
    """The message fails for this reason; `reply` says it to people."""

    reason: Printable = Field(min_length=1, max_length=100)
    reply: Printable | None = Field(None, min_length=1, max_length=400)


class Rule(_Part):
    """Conditions, and what becomes of a message that meets them: a route of tiers in failover order with or without a
    lane, a lane alone, a hold, or a refusal. An id that is not given is made from the name."""

    id: RuleId | None = None
    name: Printable | None = Field(None, min_length=1, max_length=100)
    when: Conditions = Conditions()
    route: list[Annotated[list[Target], Field(min_length=1, max_length=MAX_TRANSPORTS)]] | None = Field(
        None, min_length=1, max_length=MAX_TIERS
    )
    lane: Lane | None = None
    hold: Hold | None = None
    reject: Reject | None = None

    @property
    def targets(self) -> list[Target]:
        return [target for tier in self.route or () for target in tier]

    @property
    def decides(self) -> bool:
        """Whether the search ends here for a message that meets it."""
        return self.route is not None or self.hold is not None or self.reject is not None


class Quarantine(_Part):
    """What becomes of standard mail whose sending domain has a poor reputation: a pool of its own, or it waits."""

    pool: TransportId | None = None
    hold: bool = False


class RuleSet(_Part):
    """`quarantine` is the platform's alone."""

    transports: list[TransportId] = Field([], max_length=MAX_TRANSPORTS)
    rules: list[Rule] = Field([], max_length=MAX_RULES)
    quarantine: Quarantine | None = None

    @property
    def uses(self) -> set[str]:
        """The ids of every transport that it names."""
        pool = self.quarantine.pool if self.quarantine else None
        named = {target.transport for rule in self.rules for target in rule.targets}
        return {*self.transports, *named} | ({pool} if pool else set())

    def to_data(self) -> dict[str, Any]:
        """As an entity keeps it; `uses` is for who asks whether a transport may go."""
        return self.model_dump(mode="json", exclude_none=True) | {"v": 1, "uses": sorted(self.uses)}


def read_set(data: Mapping[str, Any]) -> RuleSet:
    """A stored set; what a newer version of this service has added to it is left out."""
    return RuleSet.model_validate(data, extra="ignore")


def with_ids(rule: Rule) -> Rule:
    """The rule with the id or the name that was not given: a name becomes an id by its letters, digits and hyphens."""
    made = re.sub(r"[^a-z0-9]+", "-", (rule.name or "").lower()).strip("-")[:64].strip("-")
    return rule.model_copy(update={"id": rule.id or made or None, "name": rule.name or rule.id})
