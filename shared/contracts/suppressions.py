"""`suppression.changes`: an entry added or removed; and which refusals suppress an address."""

from __future__ import annotations

from typing import Literal

from shared.contracts.record import Record, Timestamp

SUPPRESSING_CLASSES = {
    "invalid_recipient": "hard_bounce",
    "invalid_domain": "invalid_domain",
    "inactive_mailbox": "inactive",
}
"""The bounce classes that say that the address itself takes no mail, and the reason that a hard bounce of each
suppresses it for."""


class SuppressionChange(Record):
    """A change to one address in one scope; the address stands as its HMAC only.

    `scope` is `platform` or `workspace:<id>`, after which `:domain:<sending domain>` or `:stream:<stream>` may stand:
    `workspace_id`, `domain` and `stream` say the same. A change concerns the mail of its scope alone.
    """

    change_id: str
    scope: str
    workspace_id: str | None = None
    domain: str | None = None
    stream: str | None = None
    address_hmac: str
    change: Literal["added", "removed"]
    reason: str
    occurred_at: Timestamp
