"""What the SMTP sink does to a recipient, chosen by the local part of the address.

`ok+17@x.test`, `tempfail-2@x.test` and `tempfail-2-of-9@x.test` are further addresses of `ok` and `tempfail`; a local
part that names no behaviour is accepted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache


@dataclass(frozen=True)
class Reply:
    """An SMTP reply; `close` ends the connection after it."""

    code: int
    text: str
    close: bool = False


@dataclass(frozen=True)
class AtDot:
    """What happens when the message is read, for one recipient; the sink adds the recipients' together."""

    reply: Reply | None = None
    wait_seconds: float = 0.0
    drop_in_data: bool = False
    drop_after_dot: bool = False


@dataclass
class Settings:
    """Can be changed while the sink runs."""

    slow_seconds: float = 3.0
    greylist_seconds: float = 0.5


@dataclass
class Visits:
    """What a behaviour remembers of earlier sessions: when each key came first. Bounded."""

    settings: Settings
    limit: int = 200_000
    first: dict[tuple[str, ...], float] = field(default_factory=dict)

    def is_first(self, *key: str) -> bool:
        """Whether `key` was never here; it is remembered from now on."""
        if key in self.first:
            return False
        while len(self.first) >= self.limit:
            del self.first[next(iter(self.first))]
        self.first[key] = time.monotonic()
        return True


@dataclass(frozen=True)
class Visit:
    """One RCPT or one message, as a behaviour sees it."""

    sender: str
    recipient: str
    visits: Visits


@dataclass(frozen=True)
class Behaviour:
    """`at_rcpt` gives the reply that refuses the recipient, or None; `at_dot` says what happens to the message."""

    at_rcpt: Callable[[Visit], Reply | None] = lambda visit: None
    at_dot: Callable[[Visit], AtDot] = lambda visit: AtDot()
    rcpt_wait: Callable[[Settings], float] = lambda settings: 0.0


def _refuse(code: int, text: str, close: bool = False) -> Behaviour:
    reply = Reply(code, text, close)
    return Behaviour(at_rcpt=lambda visit: reply)


def _greylist(visit: Visit) -> Reply | None:
    key = ("greylist", visit.sender, visit.recipient)
    if not visit.visits.is_first(*key):
        waited = time.monotonic() - visit.visits.first[key]
        if waited >= visit.visits.settings.greylist_seconds:
            return None
    return Reply(450, "4.7.1 greylisted, try again later")


def _defer_once(visit: Visit) -> Reply | None:
    return Reply(451, "4.3.0 only this time") if visit.visits.is_first("defer-once", visit.recipient) else None


def _drop_once(name: str) -> Callable[[Visit], AtDot]:
    def at_dot(visit: Visit) -> AtDot:
        if not visit.visits.is_first(name, visit.recipient):
            return AtDot()
        return AtDot(drop_in_data=name == "drop-in-data", drop_after_dot=name != "drop-in-data")

    return at_dot


BEHAVIOURS: dict[str, Behaviour] = {
    "ok": Behaviour(),
    "tempfail": _refuse(451, "4.3.0 temporary failure"),
    "permfail": _refuse(550, "5.1.1 no such user"),
    "blocked": _refuse(550, "5.7.1 blocked by policy"),
    "mailbox-full": _refuse(452, "4.2.2 mailbox full"),
    "close-421": _refuse(421, "4.3.2 closing the connection", close=True),
    "greylist": Behaviour(at_rcpt=_greylist),
    "defer-once": Behaviour(at_rcpt=_defer_once),
    "tarpit": Behaviour(rcpt_wait=lambda settings: settings.slow_seconds),
    "slow": Behaviour(at_dot=lambda visit: AtDot(wait_seconds=visit.visits.settings.slow_seconds)),
    "reject-data": Behaviour(at_dot=lambda visit: AtDot(Reply(554, "5.7.1 message refused"))),
    "drop-in-data": Behaviour(at_dot=_drop_once("drop-in-data")),
    "drop-after-dot": Behaviour(at_dot=lambda visit: AtDot(drop_after_dot=True)),
    "drop-after-dot-once": Behaviour(at_dot=_drop_once("drop-after-dot-once")),
}


@lru_cache(maxsize=65536)
def behaviour_of(address: str) -> Behaviour:
    """The behaviour that the local part names; that of `ok` for every other."""
    local = address.rpartition("@")[0].partition("+")[0].lower()
    for name in sorted(BEHAVIOURS, key=len, reverse=True):
        rest = local.removeprefix(name)
        if local == name or (rest != local and rest[0] == "-" and rest[1:2].isdigit()):
            return BEHAVIOURS[name]
    return BEHAVIOURS["ok"]


def add_together(parts: list[AtDot]) -> AtDot:
    """One AtDot for a message with several recipients: the longest wait, the first refusal, any drop."""
    whole = AtDot()
    for part in parts:
        whole = replace(
            whole,
            reply=whole.reply or part.reply,
            wait_seconds=max(whole.wait_seconds, part.wait_seconds),
            drop_in_data=whole.drop_in_data or part.drop_in_data,
            drop_after_dot=whole.drop_after_dot or part.drop_after_dot,
        )
    return whole
