"""The webhook requests that arrived, in memory and bounded."""

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

try:
    from standardwebhooks import Webhook, WebhookVerificationError
except ImportError:  # a development dependency: without it requests are kept, not verified
    Webhook = None  # type: ignore[assignment,misc]


@dataclass(frozen=True)
class ReceivedWebhook:
    """`number` counts the requests of one name from 1; `status` is what was answered."""

    name: str
    number: int
    received_at: float
    headers: Mapping[str, str]
    body: bytes
    status: int
    verified: bool | None

    def as_json(self) -> dict[str, Any]:
        """With the body as text, and parsed where it is JSON."""
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            parsed = None
        return {**vars(self), "body": self.body.decode("utf-8", "replace"), "json": parsed}


class WebhookInbox:
    """The newest `keep` requests, and the secrets to verify them with."""

    def __init__(self, keep: int) -> None:
        self._received: deque[ReceivedWebhook] = deque(maxlen=keep)
        self._numbers: Counter[str] = Counter()
        self.secrets: dict[str, str] = {}

    def count(self, name: str) -> int:
        """The number of the next request of `name`, from 1."""
        self._numbers[name] += 1
        return self._numbers[name]

    def keep(self, name: str, number: int, headers: Mapping[str, str], body: bytes, status: int) -> None:
        """Keep a request; it is verified if there is a secret for its name."""
        verified = verifies(self.secrets[name], headers, body) if name in self.secrets else None
        self._received.append(ReceivedWebhook(name, number, time.time(), headers, body, status, verified))

    def newest(self, name: str | None, limit: int) -> list[ReceivedWebhook]:
        """Up to `limit` requests, newest first; of one name or of all."""
        return list(islice((each for each in reversed(self._received) if name in (None, each.name)), limit))

    def clear(self, name: str | None) -> None:
        """Forget the requests of one name, or of all; secrets stay."""
        kept = [] if name is None else [each for each in self._received if each.name != name]
        self._received.clear()
        self._received.extend(kept)
        for forgotten in list(self._numbers) if name is None else [name]:
            self._numbers.pop(forgotten, None)


def verifies(secret: str, headers: Mapping[str, str], body: bytes) -> bool | None:
    """Whether the request bears a valid Standard Webhooks signature by `secret`; None without the library."""
    if Webhook is None:
        return None
    try:
        Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError, UnicodeDecodeError):
        return False
    return True
