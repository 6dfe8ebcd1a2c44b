"""What travels on which topic, under which key, and one record of each kind as an example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.commands import Command
from shared.contracts.entities import ApiKey, Domain, Endpoint, EntityChange, Sender, Transport, Workspace
from shared.contracts.erasures import Erase, Erased
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.record import Record
from shared.contracts.stages import StageReport
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    STAGE_REPORTS,
    SUPPRESSION_CHANGES,
    WEBHOOK_EVENTS,
    Lane,
    accepted,
    cleared,
    due,
    routed,
)
from shared.contracts.webhooks import WebhookAttempt


@dataclass(frozen=True)
class Carried:
    """What a topic is for, its records, and what their key is made of."""

    summary: str
    key: str
    records: tuple[type[Record], ...]


def _of_lanes(name: str, summary: str) -> dict[str, Carried]:
    functions = {"accepted": accepted, "routed": routed, "cleared": cleared, "due": due}
    return {
        functions[name](lane): Carried(f"{summary} (lane {lane}).", "the message's id", (Message,)) for lane in Lane
    }


TOPICS: Mapping[str, Carried] = {
    **_of_lanes("accepted", "Messages that were accepted and are due"),
    **_of_lanes("routed", "Messages with the router's decision for this pass"),
    **_of_lanes("cleared", "Messages that suppression has looked at, with its verdict"),
    **_of_lanes("due", "Messages whose next pass begins: they are routed and looked at anew"),
    EVENTS: Carried("What happened to messages; a message's status is a fold over them.", "the message's id", (Event,)),
    COMMANDS: Carried(
        "What is asked of whoever owns a message, and the erasures that are asked of everybody.",
        "the message's id, or the HMAC of an erasure's address",
        (Command, Erase, Erased),
    ),
    WEBHOOK_EVENTS: Carried("Attempts at customers' endpoints.", "the message's id", (WebhookAttempt,)),
    SUPPRESSION_CHANGES: Carried(
        "Suppressions that were added and removed.", "the HMAC of the address", (SuppressionChange,)
    ),
    CONFIG_CHANGES: Carried(
        "Versions of entities: a compacted copy of the configuration for who does not own it.",
        "`<kind>:<id>`",
        (EntityChange,),
    ),
    STAGE_REPORTS: Carried("What waits in a stage, every few seconds.", "`<stage>:<lane>`", (StageReport,)),
}
ENTITIES: tuple[type[Record], ...] = (Workspace, ApiKey, Domain, Sender, Transport, Endpoint)
"""What `data` of an entity change holds, by its kind."""
RECORDS = (*dict.fromkeys(record for carried in TOPICS.values() for record in carried.records), *ENTITIES)
