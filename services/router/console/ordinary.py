"""What becomes of an ordinary message of a stream: one that nothing but its stream and sender tells apart. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.router.health import Health
from services.router.mx import Destination, Finding
from services.router.routes.configuration import Configuration
from services.router.routes.model import Rule, RuleSet
from services.router.rules import choose, decide
from shared.contracts.messages import Message, RecipientType, Seen, Versions
from shared.contracts.topics import Stream

SIZE = 20_000
RECIPIENT = "somebody@recipient.invalid"  # RFC 2606 section 2: nobody's, so no rule means it
ANYWHERE = Destination(Finding.MX, "d:recipient.invalid")
LIFE = timedelta(days=1)
ALWAYS_THE_SAME = "ordinary"
"""The id, which draws among the transports of a tier: what is shown does not change from look to look."""


def ordinary(
    workspace_id: str, stream: Stream, sender_domain: str, known: Configuration, health: Health, now: datetime
) -> Message:
    """The message with its route, or with the verdict that stops it, as the pipeline decides."""
    message = Message(
        message_id=ALWAYS_THE_SAME,
        submission_id="",
        workspace_id=workspace_id,
        lane=stream.lane,
        stream=stream,
        recipient=RECIPIENT,
        recipient_type=RecipientType.TO,
        sender=f"somebody@{sender_domain}",
        content_id="",
        size=SIZE,
        accepted_at=now,
        expires_at=now + LIFE,
        versions=Versions(workspace=known.workspace_version, domain=0),
        seen=Seen(accepted=now),
    )
    choice = choose(message, known, health, now)
    return decide(message, choice, known, ANYWHERE, health, now)


def picked_before(rules: RuleSet, stream: Stream, decided_by: str | None) -> Iterator[Rule]:
    """The workspace's rules that take some of a stream's mail, by more than its stream, before the rule `decided_by`
    (as events name it) takes the rest."""
    for rule in rules.rules:
        if decided_by == f"workspace:{rule.id}":
            return
        if rule.when.streams is None or stream in rule.when.streams:
            yield rule
