"""What became of one delivery attempt, as values. Nothing the remote end does is an exception.

`Delivered | Relayed | Deferred | Bounced | Ambiguous | Failed` are recorded and become events; `Abandoned` means that
the lease was lost before the final dot: the message is somebody else's now, and nothing is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

from services.sender.tls.results import PolicyType, TlsResult
from shared.contracts.events import EventType
from shared.contracts.suppressions import SUPPRESSING_CLASSES

MAX_REPLY = 1024
MAX_TRANSCRIPT = 8 * 1024
MAX_STEP, STEP_OVERHEAD = 512, 64


class Stage(StrEnum):
    """Where in the conversation (RFC 5321 section 3) something was said or failed."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


class BounceClass(StrEnum):
    """Why a message was not taken: what retries, suppression and alerts go by."""

    INVALID_RECIPIENT = "invalid_recipient"
    INVALID_DOMAIN = "invalid_domain"
    INACTIVE_MAILBOX = "inactive_mailbox"
    MAILBOX_FULL = "mailbox_full"
    MESSAGE_TOO_LARGE = "message_too_large"
    CONTENT_REJECTED = "content_rejected"
    POLICY_AUTH = "policy_auth"
    BLOCK_REPUTATION = "block_reputation"
    THROTTLED = "throttled"
    GREYLISTED = "greylisted"
    SENDER_REJECTED = "sender_rejected"
    ROUTING_DNS = "routing_dns"
    PROTOCOL = "protocol"
    EXPIRED = "expired"
    UNDETERMINED = "undetermined"
    CONNECTION = "connection"
    TLS = "tls"
    ROUTE_DOWN = "route_down"


SUPPRESSING = frozenset(map(BounceClass, SUPPRESSING_CLASSES))
"""The classes whose hard bounces say that the address itself takes no mail."""


class Scope(StrEnum):
    """Whose failure it was: `transport` moves the next pass to another way out, `recipient` and `message` do not."""

    TRANSPORT = "transport"
    RECIPIENT = "recipient"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange: what was sent (never a body or a credential), what came back, and how long that took."""

    stage: Stage
    sent: str | None = None
    reply: str | None = None
    code: int | None = None
    ms: int = 0

    def to_data(self) -> dict[str, Any]:
        fields = {"stage": str(self.stage), "sent": self.sent, "reply": self.reply, "code": self.code, "ms": self.ms}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The fields of every outcome.

    `code` and `enhanced` (RFC 3463, such as `5.1.1`) are the peer's where it replied, ours where it could not; `text`
    is at most 1 KiB. `rule` names the verdict table's row, `source` the local address where one was bound. `tls_policy`
    and `tls_result` are None where the session did not come to TLS, or none was wanted. `timings` are milliseconds by
    stage, `transcript` is at most 8 KiB.
    """

    type: ClassVar[EventType]

    stage: Stage | None = None
    code: int | None = None
    enhanced: str | None = None
    text: str = ""
    class_: BounceClass | None = None
    hard: bool = False
    scope: Scope | None = None
    rule: str | None = None
    host: str | None = None
    ip: str | None = None
    source: str | None = None
    tls_version: str | None = None
    tls_cipher: str | None = None
    tls_policy: PolicyType | None = None
    tls_result: TlsResult | None = None
    transcript: tuple[Step, ...] = ()
    timings: tuple[tuple[str, int], ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The outcome as the `data` of its event: plain JSON types, what is not known left out."""
        data: dict[str, Any] = {
            "stage": self.stage and str(self.stage),
            "code": self.code,
            "enhanced": self.enhanced,
            "reply": self.text[:MAX_REPLY] or None,
            "class": self.class_ and str(self.class_),
            "hard": self.hard if self.class_ else None,
            "scope": self.scope and str(self.scope),
            "rule": self.rule,
            "host": self.host,
            "ip": self.ip,
            "source": self.source,
            "tls": self._tls() or None,
            "timings": dict(self.timings) or None,
            "transcript": [step.to_data() for step in self.transcript] or None,
        }
        return {name: value for name, value in data.items() if value is not None}

    def _tls(self) -> dict[str, str]:
        said = {
            "version": self.tls_version,
            "cipher": self.tls_cipher,
            "policy": self.tls_policy,
            "result": self.tls_result,
        }
        return {name: str(value) for name, value in said.items() if value is not None}

    def with_changes(self, **changes: Any) -> Self:
        """A copy with the named fields replaced."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Delivered(_Outcome):
    """The recipient's own MX took the responsibility for it (RFC 5321 section 6.1)."""

    type: ClassVar[EventType] = EventType.DELIVERED


@dataclass(frozen=True, slots=True)
class Relayed(_Outcome):
    """A smart host took it; what the recipient's MX says comes later or never."""

    type: ClassVar[EventType] = EventType.RELAYED


@dataclass(frozen=True, slots=True)
class Deferred(_Outcome):
    """Not taken now; the retry schedule says when again, and when to give up."""

    type: ClassVar[EventType] = EventType.DEFERRED


@dataclass(frozen=True, slots=True)
class Bounced(_Outcome):
    """Refused for good. `hard` means that trying again is pointless; it suppresses only where `suppresses` says so."""

    type: ClassVar[EventType] = EventType.BOUNCED

    @property
    def suppresses(self) -> bool:
        return self.hard and self.class_ in SUPPRESSING

    def to_data(self) -> dict[str, Any]:
        return {**_Outcome.to_data(self), "suppress": self.suppresses}


@dataclass(frozen=True, slots=True)
class Ambiguous(_Outcome):
    """The connection was lost after the final dot and before a reply: the peer may own the message (RFC 1047)."""

    type: ClassVar[EventType] = EventType.AMBIGUOUS


@dataclass(frozen=True, slots=True)
class Failed(_Outcome):
    """Ended without a peer's final word: expired, no route, rejected by a rule, or it cannot be built.

    `last_class` is what the last attempt at what has expired came to.
    """

    type: ClassVar[EventType] = EventType.FAILED

    last_class: BounceClass | None = None

    def to_data(self) -> dict[str, Any]:
        last = {"last_class": str(self.last_class)} if self.last_class else {}
        return {**_Outcome.to_data(self), **last}


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The lease was lost before the final dot, and the connection dropped. Nothing is recorded."""


Outcome = Delivered | Relayed | Deferred | Bounced | Ambiguous | Failed


def cut_transcript(steps: list[Step], limit: int = MAX_TRANSCRIPT) -> tuple[Step, ...]:
    """At most `limit` bytes of steps: long replies are cut first, then the middle is left out; the end decides."""
    lengths = [len(text) for step in steps for text in (step.sent, step.reply) if text]
    if max(lengths, default=0) <= MAX_STEP and STEP_OVERHEAD * len(steps) + 4 * sum(lengths) <= limit:
        return tuple(steps)  # nearly always: a character takes four bytes at most
    cut = [replace(step, sent=_cut(step.sent), reply=_cut(step.reply)) for step in steps]
    while sum(map(_weight, cut)) > limit and len(cut) > 1:
        del cut[len(cut) // 2]
    return tuple(cut)


def _cut(text: str | None, limit: int = MAX_STEP) -> str | None:
    return text if text is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _weight(step: Step) -> int:
    return STEP_OVERHEAD + len((step.sent or "").encode()) + len((step.reply or "").encode())
