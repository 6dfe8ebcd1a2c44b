"""Failpoints: named places where a process kills or stops itself, so that a test can fail it just there.

`POSTHORN_FAILPOINTS="sender.replied=kill@50,relay.published=stop@1"` kills the process at the 50th reply to a final
dot, and stops it (until SIGCONT) before the relay's first mark. Without the variable `reach` does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)

VARIABLE = "POSTHORN_FAILPOINTS"
ACTIONS: Mapping[str, signal.Signals] = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
CONSUMERS = (
    *("router.route.critical", "router.route.standard", "suppression.check.critical", "suppression.check.standard"),
    *("suppression.learn", "sender.deliver.critical", "sender.deliver.standard", "sender.changes", "sender.commands"),
    *("ingest.projector.critical", "ingest.projector.standard", "ingest.projector.events"),
    *(
        "ingest.projector.webhooks",
        "ingest.replies",
        "webhooks.events",
        "webhooks.accepted.critical",
        "webhooks.accepted.standard",
    ),
    *("ingest.erasures", "router.erasures", "suppression.erasures", "sender.erasures", "webhooks.erasures"),
    "suppression.erased",
    "router.health",
    *("router.config", "suppression.config", "sender.config", "webhooks.config"),
)
PLACES: Mapping[str, str] = {
    "ingest.content_stored": "a request's contents are stored, its submission is not",
    "ingest.submission_stored": "a submission is stored, its 202 is not sent",
    "relay.published": "a submission's records are acknowledged and not marked",
    "relay.marked": "a submission is marked as published",
    "sender.inserted": "a message has its delivery, perhaps leased, and its offset is not committed",
    "sender.claimed": "a waiting delivery is leased and not begun",
    "sender.dialling": "a message has no connection and one is about to be opened",
    "sender.greeted": "the peer's banner is read and EHLO not said",
    "sender.introduced": "EHLO is answered and neither STARTTLS nor MAIL said",
    "sender.encrypted": "TLS is agreed on and EHLO not said again",
    "sender.begun": "the peer waits for the message (354) and nothing of it is sent",
    "sender.in_body": "a block of a message is sent and more of it is to come",
    "sender.sent_body": "all but the final dot is sent and the `data_sent` mark is not made",
    "sender.marked": "the `data_sent` mark is durable and the final dot has not left",
    "sender.dotted": "the final dot has left and is not answered",
    "sender.replied": "the final dot is answered and the outcome not recorded",
    "sender.recorded": "the outcome is recorded and its event not published",
    "sender.released": "a due retry is marked as released and not published",
    "returns.stored": "what came back is stored with its event, which is not published, and its 250 is not sent",
    "webhooks.inserted": "an event's jobs are inserted and its offset is not committed",
    "webhooks.posting": "a job is held and its post not begun",
    "webhooks.posted": "a post is answered and the attempt not recorded",
    "webhooks.kept": "an attempt is recorded and its job not changed",
    "webhooks.recorded": "an attempt and its job are recorded and the attempt not published",
    "erasures.part": "a service has done a part of an erasure and not the next one",
    "erasures.redacted": "a pass of an erasure is done and that it is not written",
    "webhooks.replay_begun": "a replay's next deliveries are written down and not made due",
    "webhooks.replay_queued": "a replay's deliveries are due and the place behind them is not written down",
    "webhooks.backfill_begun": "a back-fill's next deliveries are written down and not made",
    "webhooks.backfill_queued": "a back-fill's deliveries are made and the place behind them is not written down",
    "outbox.published": "the record of a document is acknowledged and its mark not cleared",
}
HANDLED = "a record's effects are durable, its offset is not committed"


def handled(consumer: str) -> str:
    """The failpoint of a consumer, of those in CONSUMERS."""
    return f"{consumer}.handled"


POINTS: Mapping[str, str] = {**PLACES, **dict.fromkeys(map(handled, CONSUMERS), HANDLED)}


class FailpointError(ValueError):
    """What the variable says is no failpoint with an action."""


class Failpoints:
    """Those that `text` sets: `name=action@nth`, joined by commas; `@nth` may be left out for the first time.

    Raises FailpointError.
    """

    def __init__(self, text: str) -> None:
        self._left: dict[str, int] = {}
        self._actions: dict[str, str] = {}
        for part in filter(None, text.split(",")):
            name, _, act = part.partition("=")
            action, _, nth = act.partition("@")
            if name not in POINTS:
                raise FailpointError(f"{VARIABLE}: no failpoint {name!r}; there are {', '.join(POINTS)}")
            if action not in ACTIONS or not (nth or "1").isdecimal():
                raise FailpointError(f"{VARIABLE}: {act!r} is not one of {', '.join(ACTIONS)}, with @ and a number")
            self._left[name], self._actions[name] = int(nth or 1), action

    def __bool__(self) -> bool:
        return bool(self._actions)

    def announce(self) -> None:
        """Logs what is set."""
        if self:
            log.critical("failpoints are set: this process will fail", failpoints=self._actions)

    def reach(self, name: str, count: int = 1) -> None:
        """Says that a place was reached, by `count` at once; sends this process its signal where that is enough."""
        if name not in self._left:
            return
        self._left[name] -= count
        if self._left[name] <= 0:
            del self._left[name]
            log.critical("failpoint reached", failpoint=name, action=self._actions[name])
            os.kill(os.getpid(), ACTIONS[self._actions[name]])


def _nothing(name: str, count: int = 1) -> None:
    """What `reach` is where no failpoint is set."""


failpoints = Failpoints(os.environ.get(VARIABLE, ""))
reach = failpoints.reach if failpoints else _nothing
