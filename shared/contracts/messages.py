"""The message as it travels: `mail.accepted.*`, `mail.routed.*`, `mail.cleared.*` and `mail.due.*`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from shared.contracts.record import Record, Timestamp
from shared.contracts.topics import Lane, Stream

IpFamily = Literal["ipv4", "ipv6"]


class RecipientType(StrEnum):
    TO = "to"
    CC = "cc"
    BCC = "bcc"


class TlsMode(StrEnum):
    """How a conversation is encrypted. `implicit` is TLS from the first byte (RFC 8314 section 3)."""

    DISABLED = "disabled"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    VERIFY = "verify"
    IMPLICIT = "implicit"


class Versions(Record):
    """The entity versions that this message was accepted and routed under."""

    workspace: int
    domain: int
    transport: int | None = None


class Host(Record):
    """One host to dial, in the order of preference; `preference` is its MX record's, None where it has none."""

    name: str
    port: int = 25
    preference: int | None = None


class Candidate(Record):
    """A transport that was considered; `lost` says why it was not taken (None for the one that was).

    `score` falls from 1 along the order in which this message would try them; 0 cannot be used. `tier` (from 0) and
    `weight` are its place in the rule. `kind` is None where the route names a transport that is not there.
    """

    transport: str
    name: str
    kind: Literal["direct", "smarthost"] | None = None
    score: float
    tier: int | None = None
    weight: int | None = None
    lost: str | None = None


class Route(Record):
    """The router's decision for one pass, with what it was made from.

    `rule` is `workspace:<id>`, `platform:<id>` or `default`, `rule_version` the version of the set that it stands in,
    `why` says in words why the transport was taken. Where the rollup is a stand-in, `hosts` is empty: they are to be
    looked up, never guessed.
    """

    transport: str
    transport_version: int
    kind: Literal["direct", "smarthost"]
    hosts: list[Host]
    tls: TlsMode
    rollup: str
    mx: Literal["plain", "authentic"] | None = Field(
        default=None,
        description="where the hosts are from the recipient domain's MX records: whether the resolver validated them",
    )
    stand_in: bool = Field(default=False, description="the rollup stands for an MX lookup that was not there in time")
    rule: str
    rule_version: int
    why: str | None = None
    candidates: list[Candidate]
    inputs: dict[str, Any] = {}
    decided_at: Timestamp


class VerdictKind(StrEnum):
    SEND = "send"
    SUPPRESSED = "suppressed"
    NO_ROUTE = "no_route"
    REJECT = "reject"
    WAIT_UNTIL = "wait_until"
    EXPIRED = "expired"


class Verdict(Record):
    """What a stage found about the message; the sender acts on it, nobody else ends a life.

    `rule`, `rule_version` and `inputs` are as in a route, where the router's rules led to it.
    """

    kind: VerdictKind
    reason: str | None = None
    detail: str | None = None
    scope: str | None = None
    evidence: dict[str, Any] = {}
    until: Timestamp | None = None
    rule: str | None = None
    rule_version: int | None = None
    inputs: dict[str, Any] | None = None
    by: Literal["router", "suppression"]
    checked_at: Timestamp


class Seen(Record):
    """When each stage saw the message in this pass; `published` is when the relay's record came to Kafka."""

    accepted: Timestamp
    published: Timestamp | None = None
    released: Timestamp | None = None
    routed: Timestamp | None = None
    checked: Timestamp | None = None


class LastAttempt(Record):
    """What the router needs of the attempt before: a transport's own failure moves the next pass to another.

    `full` are the transports that could not take the message today, all their sources being warmed up; `family` is the
    only one that the recipient's hosts have addresses of, where a source of the other one was tried. `held_by` is the
    rule that has held the message since. `untried`: no attempt was made, for the transport is left alone.
    """

    transport: str
    outcome: str
    scope: Literal["transport", "recipient", "message"] | None = None
    full: list[str] = []
    family: IpFamily | None = None
    held_by: str | None = None
    untried: bool | None = None


class Reroute(Record):
    """Somebody's wish for the next pass: the transport to take, or the one to avoid. A route that leaves no choice is
    not changed by it."""

    take: str | None = None
    avoid: str | None = None


class Message(Record):
    """One message to one recipient. Subjects, bodies and callers' headers stay in the content store.

    `lane` is that of its stream unless one of the router's rules says another. `pass_` counts releases towards the
    router, `attempt` SMTP attempts. `recipient` is as it goes on the wire, `sender` the bare address of the From field.
    `trace` is the W3C traceparent of the request. A message that sends an older one again names it in `resend_of`;
    `contact_id` is the contact that the recipient was.
    """

    message_id: str
    submission_id: str
    workspace_id: str
    lane: Lane
    stream: Stream
    recipient: str
    recipient_type: RecipientType
    sender: str
    content_id: str
    size: int = Field(description="bytes of subject, bodies and attachments before MIME")
    tags: list[str] = []
    metadata: dict[str, str] = {}
    on_ambiguous: Literal["retry", "fail"] = "retry"
    accepted_at: Timestamp
    scheduled_at: Timestamp | None = None
    expires_at: Timestamp
    resend_of: str | None = None
    contact_id: str | None = None
    pass_: int = Field(default=0, alias="pass")
    attempt: int = 0
    versions: Versions
    seen: Seen
    last: LastAttempt | None = None
    reroute: Reroute | None = None
    route: Route | None = None
    verdict: Verdict | None = None
    trace: str | None = None

    @property
    def due_at(self) -> datetime:
        """When its way begins: at acceptance, unless it was scheduled for later."""
        return self.scheduled_at or self.accepted_at
