"""What a receiving server may do, and what is to become of the message: one row for each behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.sender.retry import AMBIGUOUS, STANDARD
from services.sender.smtp.outcomes import BounceClass, Stage
from shared.contracts.messages import TlsMode
from tests.fixtures.scripted_smtp import Act, Close, Late, Raw, Silence, Stall

Script = Mapping[str, Act | Sequence[Act]]


@dataclass(frozen=True)
class Peer:
    """One host. `scripts[n]` is its n-th connection; `closed` takes none, `certificate` is what it has for TLS."""

    scripts: tuple[Script, ...] = ({},)
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 90000000")
    certificate: Literal["good", "expired"] | None = None
    closed: bool = False
    buffer: int | None = None


@dataclass(frozen=True)
class Says:
    """The event that an attempt comes to. `retried` names the delays that its next attempt is due by; None: none is.

    `attempts` are those that the delivery has had, where they are not as many as its events.
    """

    type: str
    stage: Stage = Stage.DOT
    class_: BounceClass | None = None
    retried: str | None = None
    suppress: bool = False
    hard: bool = False
    attempts: int | None = None


@dataclass(frozen=True)
class Row:
    """A behaviour: what the hosts do, and what is said of each of `messages`, attempt by attempt.

    `sessions` are the connections that each host gets, `encrypted` whether the last one was, where that matters; `data`
    is what the last event says besides.
    """

    name: str
    peers: tuple[Peer, ...]
    says: tuple[Says, ...]
    tls: TlsMode = TlsMode.DISABLED
    messages: int = 1
    sessions: tuple[int, ...] | None = None
    encrypted: bool | None = None
    relayed: bool = False
    on_ambiguous: Literal["retry", "fail"] = "retry"
    local_part: str = "ann"
    megabytes: int = 0
    data: Mapping[str, object] = field(default_factory=dict)


C, S = BounceClass, Stage
OPPORTUNISTIC, REQUIRED, VERIFY = TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY
STARTTLS = ("STARTTLS", "PIPELINING")
NOT_TLS = Raw(b"220 go ahead\r\nthis is no TLS\r\n")
INJECTED = Raw(b"220 go ahead\r\n250-mx.test\r\n250 SIZE 1\r\n")
DELIVERED = Says("delivered")
PROTOCOL_ERROR = Says("deferred", S.RCPT, C.PROTOCOL, STANDARD)
NO_TLS = Says("deferred", S.STARTTLS, C.TLS, STANDARD)
GREYLISTED = Says("deferred", S.RCPT, C.GREYLISTED, C.GREYLISTED)
BLOCKED = Says("deferred", S.RCPT, C.BLOCK_REPUTATION, STANDARD)
LOST_AFTER_THE_DOT = Says("ambiguous", S.DOT, C.CONNECTION, AMBIGUOUS)
ROUTE_DOWN = Says("deferred", S.AUTH, C.ROUTE_DOWN, C.ROUTE_DOWN, attempts=0)


def does(script: Script | None = None, *extensions: str, **more: object) -> tuple[Peer, ...]:
    changes = {"extensions": extensions} if extensions else {}
    return (Peer((script or {},), **changes, **more),)  # type: ignore[arg-type]


def deferred(stage: Stage, class_: BounceClass, retried: str = STANDARD) -> tuple[Says, ...]:
    return (Says("deferred", stage, class_, retried),)


def bounced(stage: Stage, class_: BounceClass, *, suppress: bool = False) -> tuple[Says, ...]:
    return (Says("bounced", stage, class_, suppress=suppress, hard=True),)


ROWS = (
    # before anything is said of the message
    Row("refuse connect", (Peer(closed=True),), deferred(S.CONNECT, C.CONNECTION)),
    Row("accept, then silence", does({"BANNER": Silence()}), deferred(S.BANNER, C.CONNECTION)),
    Row("banner 421", does({"BANNER": "421 4.3.2 busy"}), deferred(S.BANNER, C.THROTTLED, C.THROTTLED)),
    Row("banner 554", does({"BANNER": "554 5.7.1 not you"}), deferred(S.BANNER, C.BLOCK_REPUTATION)),
    Row("banner late", does({"BANNER": Late("220 mx.test", 0.5)}), (DELIVERED,)),
    Row("EHLO 502, then HELO", does({"EHLO": "502 5.5.1 what?"}), (DELIVERED,)),
    Row("the next host after a banner of 554", (*does({"BANNER": "554 no"}), Peer()), (DELIVERED,), sessions=(1, 1)),
    Row("the next host after a refused connection", (Peer(closed=True), Peer()), (DELIVERED,), sessions=(0, 1)),
    Row("the next host after 421 to MAIL", (*does({"MAIL": "421 busy"}), Peer()), (DELIVERED,), sessions=(1, 1)),
    # TLS
    Row("no STARTTLS where it is required", does(), (NO_TLS,), REQUIRED),
    Row("STARTTLS 454 where it is required", does({"STARTTLS": "454 no"}, *STARTTLS), (NO_TLS,), REQUIRED),
    Row("STARTTLS 454", does({"STARTTLS": "454 no"}, *STARTTLS), (DELIVERED,), OPPORTUNISTIC, encrypted=False),
    Row("handshake failure where TLS is required", does({"STARTTLS": NOT_TLS}, *STARTTLS), (NO_TLS,), REQUIRED),
    Row("handshake failure", does({"STARTTLS": NOT_TLS}, *STARTTLS), (DELIVERED,), OPPORTUNISTIC, sessions=(2,),
        encrypted=False),
    Row("expired certificate, verified", does({}, *STARTTLS, certificate="expired"), (NO_TLS,), VERIFY),
    Row("expired certificate", does({}, *STARTTLS, certificate="expired"), (DELIVERED,), OPPORTUNISTIC, encrypted=True),
    Row("a good certificate, verified", does({}, *STARTTLS, certificate="good"), (DELIVERED,), VERIFY, encrypted=True),
    Row("plain text injected behind STARTTLS 220", does({"STARTTLS": INJECTED}, *STARTTLS, certificate="good"),
        (DELIVERED,), REQUIRED, encrypted=True),
    # MAIL and RCPT
    Row("MAIL 451", does({"MAIL": "451 4.3.0 later"}), deferred(S.MAIL, C.UNDETERMINED)),
    Row("MAIL 550 5.7.1", does({"MAIL": "550 5.7.1 not from you"}), bounced(S.MAIL, C.SENDER_REJECTED)),
    Row("RCPT 450 greylist, then 250", does({"RCPT": ["450 4.2.0 greylisted", "250 ok"]}), (GREYLISTED, DELIVERED)),
    Row("RCPT 550 5.1.1", does({"RCPT": "550 5.1.1 unknown"}), bounced(S.RCPT, C.INVALID_RECIPIENT, suppress=True)),
    Row("RCPT 550 5.7.1 block", does({"RCPT": "550 5.7.1 your IP is on a blocklist"}),
        (BLOCKED, BLOCKED, BLOCKED, Says("bounced", S.RCPT, C.BLOCK_REPUTATION))),
    Row("RCPT 450 greylist, then a block",
        does({"RCPT": ["450 4.2.0 greylisted"] * 4 + ["554 5.7.1 listed on an RBL"]}),
        (*[GREYLISTED] * 4, BLOCKED)),
    Row("RCPT 452 4.2.2", does({"RCPT": "452 4.2.2 full"}), deferred(S.RCPT, C.MAILBOX_FULL, C.MAILBOX_FULL)),
    Row("RCPT 552 too many recipients", does({"RCPT": "552 too many recipients"}),
        deferred(S.RCPT, C.THROTTLED, C.THROTTLED)),
    Row("RCPT 554 5.4.4 of a peer", does({"RCPT": "554 5.4.4 no route"}), deferred(S.RCPT, C.ROUTING_DNS)),
    Row("RCPT 450 is not shopped around", (*does({"RCPT": "450 4.2.0 greylisted"}), Peer()), (GREYLISTED,),
        sessions=(1, 0)),
    # DATA and the dot
    Row("DATA 354 behind a refused RCPT", does({"RCPT": "550 5.1.1 unknown", "DOT": "554 5.5.1 nobody"}),
        bounced(S.RCPT, C.INVALID_RECIPIENT, suppress=True)),
    Row("451 at the dot", does({"DOT": "451 4.3.0 queue file write error"}), deferred(S.DOT, C.UNDETERMINED)),
    Row("552 5.3.4 at the dot", does({"DOT": "552 5.3.4 too large"}), bounced(S.DOT, C.MESSAGE_TOO_LARGE)),
    Row("554 5.7.1 at the dot", does({"DOT": "554 5.7.1 spam"}), bounced(S.DOT, C.CONTENT_REJECTED)),
    Row("550 5.1.1 at the dot", does({"DOT": "550 5.1.1 unknown"}),
        bounced(S.DOT, C.INVALID_RECIPIENT, suppress=True)),
    Row("close after the dot", does({"DOT": Close()}),
        (LOST_AFTER_THE_DOT, LOST_AFTER_THE_DOT, Says("ambiguous", S.DOT, C.CONNECTION))),
    Row("close after the dot, not to be repeated", does({"DOT": Close()}), (Says("ambiguous", S.DOT, C.CONNECTION),),
        on_ambiguous="fail"),
    Row("silence after the dot", does({"DOT": Silence()}), (LOST_AFTER_THE_DOT,)),
    # connections that are kept
    Row("250, then close", does({"DOT": Close("250 2.0.0 taken")}), (DELIVERED,), messages=2, sessions=(2,)),
    Row("421 between messages", does({"MAIL": ["250 ok", "421 enough"]}), (DELIVERED,), messages=2, sessions=(2,)),
    Row("close after 20 messages without a code", does({"MAIL": ["250 ok"] * 20 + [Close()]}), (DELIVERED,),
        messages=25, sessions=(2,)),
    # replies as they should not be
    Row("a reply of lines with differing codes", does({"RCPT": Raw(b"250-yes\r\n550 no\r\n")}), (PROTOCOL_ERROR,)),
    Row("differing codes at the dot", does({"DOT": Raw(b"250-yes\r\n550 no\r\n")}),
        (Says("ambiguous", S.DOT, C.PROTOCOL, AMBIGUOUS),)),
    Row("a reply of 70 KiB", does({"RCPT": Raw((b"250-" + b"x" * 900 + b"\r\n") * 78)}), (PROTOCOL_ERROR,)),
    Row("replies that end in LF alone",
        does({"BANNER": Raw(b"220 hi\n"), "RCPT": Raw(b"250 ok\n"), "DOT": Raw(b"250-one\n250 two\n")}), (DELIVERED,)),
    Row("450 with 5.1.1", does({"RCPT": "450 5.1.1 unknown"}), deferred(S.RCPT, C.INVALID_RECIPIENT),
        data={"code": 450, "enhanced": "5.1.1"}),
    Row("550 with 4.1.1", does({"RCPT": "550 4.1.1 unknown"}), bounced(S.RCPT, C.INVALID_RECIPIENT, suppress=True),
        data={"code": 550, "enhanced": "4.1.1"}),
    Row("replies in single bytes",
        does({"BANNER": Raw(b"220-hi\r\n220 there\r\n", dribble=True), "DOT": Raw(b"250 2.0.0 ok\r\n", dribble=True)}),
        (DELIVERED,)),
    Row("bytes that nobody asked for", does({"BANNER": Raw(b"220 a\r\n220 b\r\n")}), deferred(S.EHLO, C.PROTOCOL)),
    # what the host can take
    Row("a reader that stops", does({"BODY": Stall()}, buffer=4096), deferred(S.BODY, C.CONNECTION), megabytes=6),
    Row("SIZE smaller than the message", does({}, "SIZE 10"), bounced(S.MAIL, C.MESSAGE_TOO_LARGE)),
    Row("no SMTPUTF8", does(), bounced(S.MAIL, C.CONTENT_REJECTED), local_part="jörg", data={"enhanced": "5.6.7"}),
    Row("SMTPUTF8", does({}, "SMTPUTF8", "8BITMIME"), (DELIVERED,), local_part="jörg"),
    # smart hosts
    Row("a smart host takes it", does({}, "AUTH PLAIN"), (Says("relayed"),), relayed=True),
    Row("a smart host refuses our password", does({"AUTH": "535 5.7.8 wrong"}, "AUTH PLAIN"), (ROUTE_DOWN, ROUTE_DOWN),
        relayed=True),
    Row("a smart host does not relay for us", does({"RCPT": "554 5.7.1 Relay access denied"}, "AUTH PLAIN"),
        (Says("deferred", S.RCPT, C.ROUTE_DOWN, C.ROUTE_DOWN, attempts=0),), relayed=True),
    Row("a smart host that is away", (Peer(closed=True),),
        (Says("deferred", S.CONNECT, C.ROUTE_DOWN, C.ROUTE_DOWN, attempts=0),), relayed=True),
)  # fmt: skip
