"""What the SMTP sink has received and refused, in memory and bounded."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice


@dataclass(frozen=True)
class ReceivedMessage:
    """`raw` is the content as received, without the stuffed dots; `acknowledged` is false if the dot got no 250."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    received_at: float
    session: int
    number_in_session: int
    tls: bool
    acknowledged: bool

    def summary(self) -> dict[str, object]:
        """As JSON; bytes of `raw` that are not UTF-8 are replaced."""
        return {**vars(self), "raw": self.raw.decode("utf-8", "replace"), "size": len(self.raw)}


@dataclass
class SessionRecord:
    """One SMTP connection; times are seconds since the epoch."""

    number: int
    peer: str
    opened_at: float = field(default_factory=time.time)
    closed_at: float | None = None
    helo: str = ""
    tls: bool = False
    messages: int = 0


class Mailbox:
    """The newest `keep` messages and sessions, and counts by recipient (in lower case) since the last clearing."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._last_id = 0
        self._last_session = 0
        self._messages: dict[int, ReceivedMessage] = {}
        self._by_recipient: dict[str, dict[int, ReceivedMessage]] = {}
        self.sessions: deque[SessionRecord] = deque(maxlen=keep)
        self.counts: dict[str, Counter[str]] = {"attempts": Counter(), "refusals": Counter(), "deliveries": Counter()}

    def open_session(self, peer: str) -> SessionRecord:
        """Note a new connection."""
        self._last_session += 1
        record = SessionRecord(self._last_session, peer)
        self.sessions.append(record)
        return record

    def count(self, what: str, recipients: Iterable[str]) -> None:
        """Count `what` (attempts, refusals or deliveries) for each recipient; the longest known go when too many."""
        counter = self.counts[what]
        for recipient in recipients:
            counter[recipient.lower()] += 1
        while len(counter) > 20 * self._keep:
            del counter[next(iter(counter))]

    def keep(
        self, session: SessionRecord, sender: str, recipients: Iterable[str], raw: bytes, acknowledged: bool
    ) -> None:
        """Keep a message and count its deliveries; the oldest message goes when there are too many."""
        self._last_id += 1
        session.messages += 1
        message = ReceivedMessage(
            self._last_id, sender, tuple(recipients), raw, time.time(), session.number, session.messages, session.tls,
            acknowledged,
        )  # fmt: skip
        self._messages[message.id] = message
        for recipient in message.recipients:
            self._by_recipient.setdefault(recipient.lower(), {})[message.id] = message
        self.count("deliveries", message.recipients)
        if len(self._messages) > self._keep:
            self._forget(next(iter(self._messages)))

    def get(self, message_id: int) -> ReceivedMessage | None:
        return self._messages.get(message_id)

    def newest(self, recipient: str | None, limit: int) -> list[ReceivedMessage]:
        """Up to `limit` messages, newest first; of one recipient or of all."""
        messages = self._messages if recipient is None else self._by_recipient.get(recipient.lower(), {})
        return list(islice(reversed(messages.values()), limit))

    def clear(self) -> None:
        """Forget messages, sessions and counts; ids and session numbers go on."""
        self._messages.clear()
        self._by_recipient.clear()
        self.sessions.clear()
        for counter in self.counts.values():
            counter.clear()

    def _forget(self, message_id: int) -> None:
        for recipient in self._messages.pop(message_id).recipients:
            of_recipient = self._by_recipient[recipient.lower()]
            of_recipient.pop(message_id, None)
            if not of_recipient:
                del self._by_recipient[recipient.lower()]
