"""The corpus of mail that comes back (`tests/corpus/returns`), and what each means for the message it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.sender.returns.addresses import ReturnKind
from shared.contracts.events import EventType

FOLDER = Path(__file__).parents[3] / "corpus" / "returns"
MESSAGE_ID = "0190a0b0-0000-7000-8000-00000000000a"
BOUNCE, REPLY = ReturnKind.BOUNCE, ReturnKind.REPLY

Row = tuple[str, ReturnKind | None, EventType, dict[str, Any]]


def hard(class_: str, **more: Any) -> dict[str, Any]:
    return {"class": class_, "hard": True, "oob": True, **more}


def soft(class_: str, **more: Any) -> dict[str, Any]:
    return {"class": class_, "hard": False, "suppress": False, "oob": True, **more}


def noted(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, **more}


GMAIL = (
    "The email account that you tried to reach does not exist. Please try double-checking the recipient's email "
    "address for typos or unnecessary spaces. For more information, go to "
    "https://support.google.com/mail/?p=NoSuchUser 4fb4d7f45d1cf-1 - gsmtp"
)
UNKNOWN = hard("invalid_recipient", suppress=True)
E_ = EventType
ROWS: tuple[Row, ...] = (
    ("rfc3464-given-up", BOUNCE, E_.BOUNCED, soft("expired", code=426, reply="connection timed out")),
    ("rfc3464-several", BOUNCE, E_.BOUNCED, {**UNKNOWN, "remote_host": "sdcc13.sample.example"}),
    ("rfc3464-delayed", BOUNCE, E_.REPORTED, noted("delayed", enhanced="4.0.0")),
    ("relay-delivered", BOUNCE, E_.DELIVERED, {"oob": True, "remote_host": "mx1.mailbox.example"}),
    ("relay-relayed", BOUNCE, E_.REPORTED, noted("relayed")),
    ("relay-expanded", BOUNCE, E_.REPORTED, noted("expanded")),
    ("postfix-unknown", BOUNCE, E_.BOUNCED, {**UNKNOWN, "code": 550, "reporting_host": "mx.mailbox.example"}),
    ("postfix-given-up", BOUNCE, E_.BOUNCED, soft("expired", enhanced="4.4.1", rule="given-up")),
    ("postfix-delayed", BOUNCE, E_.REPORTED, noted("delayed", reply="452 4.2.2 Mailbox full")),
    ("exim-unknown", BOUNCE, E_.BOUNCED, UNKNOWN),
    ("exim-prose", BOUNCE, E_.BOUNCED, {**UNKNOWN, "reply": "User unknown"}),
    ("exim-prose-delayed", BOUNCE, E_.REPORTED, noted("delayed")),
    ("microsoft365-edge", BOUNCE, E_.BOUNCED, {**UNKNOWN, "enhanced": "5.4.1"}),
    ("microsoft365-not-found", BOUNCE, E_.BOUNCED, {"hard": True, "suppress": True}),
    ("exchange-quota", BOUNCE, E_.BOUNCED, soft("mailbox_full")),
    ("exchange-expired", BOUNCE, E_.BOUNCED, soft("expired", code=550, rule="given-up")),
    ("gmail-unknown", BOUNCE, E_.BOUNCED, {**UNKNOWN, "reply": GMAIL}),
    ("gmail-delayed", BOUNCE, E_.REPORTED, noted("delayed")),
    ("yahoo-disabled", BOUNCE, E_.BOUNCED, hard("inactive_mailbox", suppress=True)),
    ("ses-unknown", BOUNCE, E_.BOUNCED, UNKNOWN),
    ("ses-content", BOUNCE, E_.BOUNCED, {"class": "content_rejected", "suppress": False}),
    ("qmail-unknown", BOUNCE, E_.BOUNCED, {**UNKNOWN, "code": 550, "enhanced": "5.1.1"}),
    ("qmail-no-mailbox", BOUNCE, E_.BOUNCED, {**UNKNOWN, "enhanced": "5.1.1"}),
    ("sendmail-unknown", BOUNCE, E_.BOUNCED, UNKNOWN),
    ("sendmail-given-up", BOUNCE, E_.BOUNCED, soft("mailbox_full")),
    ("no-action", BOUNCE, E_.BOUNCED, hard("inactive_mailbox", suppress=True)),
    ("utf8", BOUNCE, E_.BOUNCED, {**UNKNOWN, "reply": "unbekannter Empfänger: user unknown"}),
    ("arf-abuse", None, E_.COMPLAINED, {"feedback_type": "abuse", "reported_by": "SomeGenerator/1.0"}),
    ("arf-yahoo", None, E_.COMPLAINED, {"feedback_type": "abuse"}),
    ("arf-redacted", None, E_.COMPLAINED, {"feedback_type": "abuse"}),
    ("arf-abuse", BOUNCE, E_.COMPLAINED, {"feedback_type": "abuse"}),
    ("arf-not-spam", None, E_.REPORTED, noted("not_spam")),
    ("arf-auth-failure", None, E_.REPORTED, noted("auth_failure")),
    ("jmrp", None, E_.COMPLAINED, {"feedback_type": "abuse"}),
    ("mdn-displayed", BOUNCE, E_.READ, {}),
    ("mdn-deleted", BOUNCE, E_.REPORTED, noted("deleted")),
    ("gmail-vacation", BOUNCE, E_.AUTO_REPLY, {}),
    ("exchange-out-of-office", REPLY, E_.AUTO_REPLY, {}),
    ("rfc3834-vacation", BOUNCE, E_.AUTO_REPLY, {}),
    ("old-vacation", BOUNCE, E_.AUTO_REPLY, {}),
    ("challenge", BOUNCE, E_.AUTO_REPLY, {}),
    ("reply-gmail", REPLY, E_.REPLIED, {}),
    ("reply-gmail", BOUNCE, E_.REPORTED, noted("unrecognized")),
)
NAMES = sorted({row[0] for row in ROWS})


def raw(name: str, token: str = "b+token@bounce.acme.example") -> bytes:
    """A message of the corpus as it comes over the wire."""
    text = (FOLDER / f"{name}.eml").read_bytes().replace(b"{token}", token.encode())
    return text.replace(b"\n", b"\r\n")
