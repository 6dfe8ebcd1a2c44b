"""What a whole message is inside acceptance: its recipients, its bytes for each author, and what makes it the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from services.ingest.acceptance.documents import Addressed
from services.ingest.acceptance.mime import MimeMessage
from services.ingest.acceptance.senders import Origin
from services.ingest.acceptance.validation import Recipient
from shared.addresses import parse_mailbox, render_mailbox
from shared.contracts.messages import RecipientType


def recipients_of(mime: MimeMessage, addresses: Sequence[str]) -> list[Recipient]:
    """Every envelope address once, without regard to case, in the order of to, cc, bcc.

    One that the header shows in To or Cc is of that type; one that it does not show is a blind copy.
    """
    shown = dict.fromkeys(mime.cc, RecipientType.CC) | dict.fromkeys(mime.to, RecipientType.TO)
    unique = {address.lower(): address for address in reversed(addresses)}
    found = [
        Recipient(address, shown.get(folded, RecipientType.BCC), address)
        for folded, address in reversed(unique.items())
    ]
    return sorted(found, key=lambda one: list(RecipientType).index(one.type))


def raw_by_mailbox(mime: MimeMessage, origin: Origin, recipients: Sequence[Addressed]) -> dict[str, bytes]:
    """By the mailbox of the From, the bytes that go out: as they came, and once more for each delivery route."""
    return {
        each.mailbox: mime.raw if each == origin else mime.sent_from(parse_mailbox(each.mailbox, smtputf8=True))
        for each in dict.fromkeys(one.origin for one in recipients)
    }


def digest_of_mime(mime: MimeMessage, recipients: Sequence[Recipient]) -> bytes:
    """SHA-256 of what is sent to whom, without what a mailer makes anew each time: Date, Message-ID, boundaries."""
    asked = (
        render_mailbox(mime.from_mailbox),
        mime.subject,
        sorted((one.address.lower(), one.type) for one in recipients),
        mime.tags,
        mime.tracking,
        mime.stream,
        mime.body_digest.hex(),
    )
    return hashlib.sha256(orjson.dumps(asked)).digest()


def derived_key(credential_id: str, message_id: str, digest: bytes) -> str:
    """The key of a message without one, the same when a mailer sends it again because our reply was lost (RFC 1047).

    It holds a space, which no caller's key does.
    """
    identity = f"{credential_id}\0{message_id}\0{digest.hex()}"
    return f"smtp {hashlib.sha256(identity.encode()).hexdigest()}"
