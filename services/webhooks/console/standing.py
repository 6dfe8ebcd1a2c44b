"""How an endpoint does: its state in a sentence, and what came of its newest attempts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from services.webhooks.console.faults import why_not
from services.webhooks.disabling import FAILING, GONE
from services.webhooks.store.troubles import Trouble

NOTHING = "Nothing has got through since then."
UNSTEADY = 0.95
"""Below this share of attempts that were taken an endpoint wants to be looked at."""
DOWN = 3
"""So many failures in a row are no accident."""


@dataclass(frozen=True, slots=True)
class Recent:
    """An endpoint's newest attempts: how many, how many were taken, how long half and nine tenths of them took at most
    (ms), how many of the newest failed in a row, and the last of them."""

    count: int = 0
    taken: int = 0
    half_ms: int | None = None
    most_ms: int | None = None
    failed_in_a_row: int = 0
    last: Mapping[str, Any] | None = None

    @property
    def tone(self) -> str:
        """Of the share of those that were taken."""
        if not self.count or self.taken >= UNSTEADY * self.count:
            return "good" if self.count else "mute"
        return "warn" if 2 * self.taken >= self.count else "bad"


def recent_of(attempts: Sequence[Mapping[str, Any]]) -> Recent:
    """`attempts` come newest first."""
    if not attempts:
        return Recent()
    times = sorted(attempt["ms"] for attempt in attempts)
    return Recent(
        count=len(attempts),
        taken=sum(attempt["ok"] for attempt in attempts),
        half_ms=times[(len(times) - 1) // 2],
        most_ms=times[(9 * len(times) - 1) // 10],
        failed_in_a_row=sum(1 for _ in takewhile(lambda attempt: not attempt["ok"], attempts)),
        last=attempts[0],
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is enabled, failing, throttled or disabled, `tone` one of the console's. `moment` ends the title,
    `deadline` is when the endpoint is disabled unless something gets through; `revivable` says that enabling it helps.
    """

    state: str
    tone: str
    title: str
    why: str
    advice: str = ""
    moment: datetime | None = None
    deadline: datetime | None = None
    revivable: bool = False

    @property
    def needs_attention(self) -> bool:
        return self.tone in ("warn", "bad")


def is_in_trouble(trouble: Trouble, now: datetime) -> bool:
    """Whether what is remembered of an endpoint is more than that it was lifted."""
    return trouble.failing is not None or (trouble.held_until is not None and trouble.held_until > now)


def standing_of(
    view: Mapping[str, Any], trouble: Trouble | None, recent: Recent, patience: timedelta, now: datetime
) -> Standing:
    """`view` is the endpoint's in the API, `patience` how long one may fail before it is disabled."""
    trouble = trouble or Trouble()
    if not view["enabled"]:
        return DISABLED.get(view["disabled_reason"], BY_OWNER)
    if trouble.held_until is not None and trouble.held_until > now:
        return Standing(
            "throttled",
            "warn",
            "Paused until",
            "It asked to be left alone for a while. What waits for it is not attempted before.",
            "It goes on by itself.",
            moment=trouble.held_until,
            revivable=True,
        )
    if trouble.failing is not None:
        failing, last = trouble.failing, recent.last or {}
        why, advice = why_not(last.get("status"), last.get("error")) if recent.failed_in_a_row else ("", "")
        return Standing(
            "failing",
            "bad" if failing.since is not None or recent.failed_in_a_row >= DOWN else "warn",
            "Failing since",
            why or NOTHING,
            advice,
            moment=failing.first_at,
            deadline=failing.since + patience if failing.since is not None else None,
            revivable=True,
        )
    return _enabled(recent)


def _enabled(recent: Recent) -> Standing:
    if not recent.count:
        return Standing("enabled", "calm", "Nothing posted yet", "The first event is posted the moment it occurs.")
    if recent.tone == "good":
        return Standing("enabled", "good", "Well", "What is posted to it gets through.")
    return Standing(
        "enabled",
        "warn",
        "Some posts fail",
        f"{recent.count - recent.taken} of the last {recent.count} were not taken.",
        "They are tried again by themselves; their attempts say why.",
    )


BY_OWNER = Standing(
    "disabled",
    "mute",
    "Disabled",
    "Somebody of this workspace disabled it: nothing is posted to it.",
    "Once it is enabled, a back-fill posts what occurred meanwhile.",
    revivable=True,
)
DISABLED = {
    GONE: Standing(
        "disabled",
        "bad",
        "Disabled: it wants no more",
        "It answered 410 Gone. What waited for it was canceled.",
        "Check the URL and enable it; then a replay posts again what was canceled, and a back-fill what came after.",
        revivable=True,
    ),
    FAILING: Standing(
        "disabled",
        "bad",
        "Disabled: nothing got through for days",
        "What waited for it was canceled.",
        "Repair and enable it; then a replay posts again what was canceled, and a back-fill what came after.",
        revivable=True,
    ),
}
