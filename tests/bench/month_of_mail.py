"""A shop's mail of a month, for the read model: to whom, about what, and what became of each message. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message, RecipientType, Seen, Versions
from shared.contracts.record import rfc3339
from shared.contracts.topics import Stream
from shared.contracts.webhooks import WebhookAttempt
from shared.tokens import first_id

MONTH = timedelta(days=30)
RECIPIENTS, DOMAINS = 200_000, 2_000
FIRST_NAMES = ("ann", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "peggy")
LAST_NAMES = ("person", "smith", "jones", "miller", "young", "king", "wright", "lopez", "hill", "scott", "green")
GOODS = ("shoes", "lamps", "tents", "bicycles", "coffee", "books", "chairs", "kettles", "blankets", "clocks")
ORDERS, ACCOUNTS, NEWS = "orders@shop.example", "accounts@shop.example", "news@letters.shop.example"
KINDS: tuple[tuple[int, Stream, str, list[str], str], ...] = (
    (40, Stream.PRODUCT, ORDERS, ["order"], "Your order {number} is on its way"),
    (20, Stream.PRODUCT, NEWS, ["newsletter", "spring"], "New this week: {one} and {other}"),
    (15, Stream.BILLING, ORDERS, ["invoice"], "Invoice {number}"),
    (20, Stream.AUTHENTICATION, ACCOUNTS, ["sign-in"], "Your sign-in code"),
    (5, Stream.SECURITY, ACCOUNTS, ["password"], "Reset your password"),
)
ENDS: tuple[tuple[float, tuple[EventType, ...]], ...] = (
    (90, (EventType.DELIVERED,)),
    (5, (EventType.DEFERRED, EventType.DELIVERED)),
    (3, (EventType.BOUNCED,)),
    (1.5, (EventType.SUPPRESSED,)),
    (0.5, (EventType.DEFERRED,)),
)
REFUSALS = ("invalid_recipient", "invalid_recipient", "inactive_mailbox", "mailbox_full", "content_rejected")
REPLIES: dict[EventType, tuple[int, str, str]] = {
    EventType.DELIVERED: (250, "2.0.0", "250 2.0.0 OK, queued as {id}"),
    EventType.DEFERRED: (451, "4.7.1", "451 4.7.1 Greylisted, please try again in 300 seconds"),
    EventType.BOUNCED: (550, "5.1.1", "550 5.1.1 The account that you tried to reach is not there"),
}
STAGES = ("connect", "banner", "ehlo", "starttls", "mail", "rcpt", "data", "body")


@dataclass(frozen=True, slots=True)
class Life:
    """A message with all that was told of it."""

    message: Message
    subject: str
    events: list[Event]
    post: WebhookAttempt


def life(number: int, of: int, until: datetime, workspace_id: str) -> Life:
    """The message of this number, of so many that were accepted one after the other in the month before `until`."""
    draw = Random(number)
    at = until - MONTH + MONTH * ((number + 1) / of)
    _, stream, sender, tags, subject = _drawn(draw, KINDS)
    message = Message(
        message_id=id_at(at, draw),
        submission_id=id_at(at, draw),
        workspace_id=workspace_id,
        lane=stream.lane,
        stream=stream,
        recipient=recipient(draw.randrange(RECIPIENTS)),
        recipient_type=RecipientType.TO,
        sender=sender,
        content_id=id_at(at, draw),
        size=2000,
        tags=tags,
        metadata={"customer": str(draw.randrange(RECIPIENTS))},
        accepted_at=at,
        expires_at=at + timedelta(hours=48),
        versions=Versions(workspace=1, domain=1),
        seen=Seen(accepted=at),
        trace=f"00-{draw.getrandbits(128):032x}-{draw.getrandbits(64):016x}-00",
    )
    events = [accepted_event(message), *_told(message, draw)]
    one, other = draw.sample(GOODS, 2)
    said = subject.format(number=order_number(number), one=one, other=other)
    return Life(message, said, events, _posted(events[-1], draw))


def order_number(number: int) -> int:
    """What stands in the subjects of orders and invoices, and of no other's."""
    return 1_000_000 + number


def recipient(number: int) -> str:
    """One of the shop's customers; a few domains have most of them."""
    draw = Random(number)
    domain = int(DOMAINS * draw.random() ** 3)
    return f"{draw.choice(FIRST_NAMES)}.{draw.choice(LAST_NAMES)}{number}@{host(domain)}"


def host(number: int) -> str:
    """The domain of this rank; 0 is the most popular."""
    return f"mail-{number}.example"


def id_at(moment: datetime, draw: Random) -> str:
    """A UUIDv7 of this moment (RFC 9562 section 5.7)."""
    drawn = draw.getrandbits(74)
    return f"{first_id(moment)[:15]}{drawn >> 62:03x}-8{drawn >> 48 & 0xFFF:03x}-{drawn & (1 << 48) - 1:012x}"


def _told(message: Message, draw: Random) -> list[Event]:
    """What the sender said of it, and the reader's open."""
    _, ends = _drawn(draw, ENDS)
    at, events = message.accepted_at, []
    for number, type_ in enumerate(ends):
        at += timedelta(milliseconds=draw.lognormvariate(6, 0.7) if not number else 300_000)
        attempt = message.with_changes(pass_=number, attempt=0 if type_ is EventType.SUPPRESSED else number + 1)
        events.append(event_of(attempt, type_, at, _data(attempt, type_, at, draw)))
    if ends[-1] is EventType.DELIVERED and draw.random() < 0.3:
        opened = at + timedelta(minutes=draw.expovariate(1 / 60))
        events.append(event_of(message, EventType.OPENED, opened, {"ip": "192.0.2.7"}, occurrence="1"))
    return events


def _data(message: Message, type_: EventType, at: datetime, draw: Random) -> dict[str, Any]:
    stamp = rfc3339(at)
    passed: dict[str, Any] = {
        "route": {
            "transport": "direct",
            "kind": "direct",
            "rollup": message.recipient.partition("@")[2],
            "rule": "default",
            "rule_version": 0,
            "decided_at": stamp,
            "candidates": [{"transport": "direct", "name": "direct", "kind": "direct", "score": 1.0}],
            "inputs": {"stream": message.stream.value},
        },
        "verdict": {"kind": "send", "by": "suppression", "checked_at": stamp},
        "seen": {"accepted": rfc3339(message.accepted_at), "published": stamp, "routed": stamp, "checked": stamp},
    }
    if type_ is EventType.SUPPRESSED:
        return passed | {
            "verdict": {"kind": "suppressed", "reason": "bounce", "scope": "workspace", "checked_at": stamp}
        }
    code, enhanced, reply = REPLIES[type_]
    reply = reply.format(id=message.submission_id[-12:])
    class_ = {EventType.BOUNCED: draw.choice(REFUSALS), EventType.DEFERRED: "greylisted"}.get(type_)
    return passed | {
        "stage": "body",
        "code": code,
        "enhanced": enhanced,
        "reply": reply,
        "host": f"mx1.{message.recipient.partition('@')[2]}",
        "ip": "192.0.2.25",
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "verified": True},
        "timings": {stage: draw.randrange(1, 30) for stage in STAGES},
        "transcript": [{"stage": stage, "sent": stage.upper(), "reply": reply, "ms": 3} for stage in STAGES],
        **({"class": class_, "hard": type_ is EventType.BOUNCED} if class_ else {}),
        **({"next_at": rfc3339(at + timedelta(minutes=5))} if type_ is EventType.DEFERRED else {}),
    }


def _posted(event: Event, draw: Random) -> WebhookAttempt:
    at = event.occurred_at + timedelta(milliseconds=draw.lognormvariate(4, 0.5))
    return WebhookAttempt(
        attempt_id=id_at(at, draw),
        message_id=event.message_id,
        workspace_id=event.workspace_id,
        event_id=event.event_id,
        event_type=f"email.{event.type}",
        endpoint_id="endpoint-1",
        url="https://hooks.shop.example/posthorn",
        attempt=1,
        status=200,
        ms=40,
        ok=True,
        occurred_at=at,
        excerpt="ok",
    )


def _drawn(draw: Random, weighted: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return draw.choices(weighted, [each[0] for each in weighted])[0]
