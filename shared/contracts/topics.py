"""The topics: names, lanes, partitions and retention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY_MS = 24 * 3600 * 1000
PARTITIONS = 6


class Lane(StrEnum):
    """A lane has topics, consumers and reserved sending capacity of its own."""

    CRITICAL = "critical"
    STANDARD = "standard"


class Stream(StrEnum):
    """What a message is for; the caller says so."""

    AUTHENTICATION = "authentication"
    SECURITY = "security"
    BILLING = "billing"
    PRODUCT = "product"

    @property
    def lane(self) -> Lane:
        return Lane.CRITICAL if self in (Stream.AUTHENTICATION, Stream.SECURITY) else Lane.STANDARD


@dataclass(frozen=True)
class Topic:
    """One topic. `retention_ms` is None where the topic is compacted."""

    name: str
    partitions: int = PARTITIONS
    retention_ms: int | None = 7 * DAY_MS


def accepted(lane: Lane) -> str:
    return f"mail.accepted.{lane}"


def routed(lane: Lane) -> str:
    return f"mail.routed.{lane}"


def cleared(lane: Lane) -> str:
    return f"mail.cleared.{lane}"


def due(lane: Lane) -> str:
    return f"mail.due.{lane}"


def dead_letters(topic: str) -> str:
    return f"{topic}.dlq"


EVENTS = "mail.events"
COMMANDS = "mail.commands"
WEBHOOK_EVENTS = "webhook.events"
SUPPRESSION_CHANGES = "suppression.changes"
CONFIG_CHANGES = "config.changes"
STAGE_REPORTS = "stage.reports"

PIPELINE = tuple(name(lane) for name in (accepted, routed, cleared, due) for lane in Lane)
LIVE = (*PIPELINE, EVENTS, COMMANDS, WEBHOOK_EVENTS, SUPPRESSION_CHANGES, CONFIG_CHANGES)


def all_topics(partitions: int = PARTITIONS) -> list[Topic]:
    """Every topic of a Posthorn, dead letters included, without the deployment's prefix.

    `partitions` have those that grow with the mail; the order of `config.changes` is one for all.
    """
    live = [Topic(name, 1, retention_ms=None) if name == CONFIG_CHANGES else Topic(name, partitions) for name in LIVE]
    # what is reported is looked at and not worked through: it has no dead letters
    reports = [Topic(STAGE_REPORTS, partitions=1, retention_ms=DAY_MS)]
    return live + reports + [Topic(dead_letters(name), partitions=1) for name in LIVE]
