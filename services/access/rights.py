"""What each service reads and writes, and the operator's commands: the one place that users' rights are made from.

Names are without the deployment's prefixes. A test holds the consumers against those that the services attach, what is
produced against every record that their code makes; the tests in tests/secured run all of it where the rest is denied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from services.ingest.bootstrap import COPIES
from services.ingest.projection.projector import EVENTS_CONSUMER, WEBHOOKS_CONSUMER, accepted_consumer
from services.ingest.publication.allowance import downstream
from services.roles import SERVICES
from services.sender.queue.stages import readers_of
from shared.content import CHUNKS, COLLECTION
from shared.contracts.topics import (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    LIVE,
    STAGE_REPORTS,
    SUPPRESSION_CHANGES,
    WEBHOOK_EVENTS,
    Lane,
    accepted,
    all_topics,
    cleared,
    dead_letters,
    due,
    routed,
)
from shared.kafka.lag import Reader
from shared.mongo.entities import NOTICES

OPERATOR = "operator"
Place = tuple[str, str]
"""A database and a collection in it; "" stands for all of that database."""
DATA = frozenset({"find", "insert", "update", "remove"})
SCHEMA = frozenset({"createCollection", "createIndex", "listCollections", "listIndexes"})


@dataclass(frozen=True)
class Rights:
    """`consumes`: topics by consumer group; `reads`: topics read outside of groups; `measures`: topics by the groups
    of others whose lag is counted; `configures`: topics that are made and changed."""

    consumes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    produces: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    measures: Mapping[str, frozenset[str]] = field(default_factory=dict)
    configures: frozenset[str] = frozenset()
    data: Mapping[Place, frozenset[str]] = field(default_factory=dict)

    def __or__(self, other: Rights) -> Rights:
        return Rights(
            _merged(self.consumes, other.consumes),
            self.produces | other.produces,
            self.reads | other.reads,
            _merged(self.measures, other.measures),
            self.configures | other.configures,
            _merged(self.data, other.data),
        )


def rights_of(names: Iterable[str]) -> Rights:
    """Of a process that runs the named services, or of `operator`."""
    return reduce(Rights.__or__, (_OF[name]() for name in names), Rights())


def _ingest() -> Rights:
    return _service(
        "ingest",
        consumes={
            **{accepted_consumer(lane): [accepted(lane)] for lane in Lane},
            EVENTS_CONSUMER: [EVENTS],
            WEBHOOKS_CONSUMER: [WEBHOOK_EVENTS],
            "replies": [EVENTS],
        },
        produces=[*map(accepted, Lane), EVENTS, CONFIG_CHANGES, STAGE_REPORTS],
        measures=_measured(reader for lane in Lane for path in downstream(lane) for reader in path),
        data=CONTENTS,
    )


def _router() -> Rights:
    return _service(
        "router",
        consumes={
            **{f"route.{lane}": [accepted(lane), due(lane)] for lane in Lane},
            "health": [EVENTS],
            "config": [CONFIG_CHANGES],
        },
        produces=[*map(routed, Lane), CONFIG_CHANGES, EVENTS],
    )


def _suppression() -> Rights:
    return _service(
        "suppression",
        consumes={
            **{f"check.{lane}": [routed(lane)] for lane in Lane},
            "learn": [EVENTS],
            "erased": [COMMANDS],
            "config": [CONFIG_CHANGES],
        },
        produces=[*map(cleared, Lane), SUPPRESSION_CHANGES, EVENTS],
    )


def _sender() -> Rights:
    readers = [reader for lane in Lane for some in readers_of(lane).values() for reader in some]
    return _service(
        "sender",
        consumes={
            **{f"deliver.{lane}": [cleared(lane)] for lane in Lane},
            "changes": [SUPPRESSION_CHANGES],
            "commands": [COMMANDS],
            "config": [CONFIG_CHANGES],
        },
        produces=[*map(due, Lane), EVENTS],
        reads=[STAGE_REPORTS, *(reader.topic for reader in readers)],  # how old the first unread record is
        measures=_measured(readers),
        data=CONTENTS,
    )


def _webhooks() -> Rights:
    return _service(
        "webhooks",
        consumes={
            **{f"accepted.{lane}": [accepted(lane)] for lane in Lane},
            "events": [EVENTS],
            "config": [CONFIG_CHANGES],
        },
        produces=[WEBHOOK_EVENTS, CONFIG_CHANGES],
    )


def _operator() -> Rights:
    """For `posthorn topics`, `indexes`, `dlq`, `bootstrap` and `rebuild`."""
    copies = {(service, str(kind)): frozenset({"find"}) for service, kinds in COPIES.items() for kind in kinds}
    made = {(database, ""): SCHEMA for database in (*SERVICES, "content")}
    # a capped collection is made with its first document
    made |= {(service, NOTICES): frozenset({"convertToCapped", "insert"}) for service in SERVICES}
    return Rights(
        produces=frozenset(LIVE),
        reads=frozenset({*map(dead_letters, LIVE), *map(accepted, Lane), EVENTS, WEBHOOK_EVENTS}),
        configures=frozenset(topic.name for topic in all_topics()),
        data=_merged(_merged(made, copies), {("ingest", ""): DATA}),
    )


# written by ingest, and by the return door for replies; deleted by either when what it wrote is to be forgotten
CONTENTS: Mapping[Place, frozenset[str]] = {("content", COLLECTION): DATA, ("content", CHUNKS): DATA}
_OF = {
    "ingest": _ingest,
    "router": _router,
    "suppression": _suppression,
    "sender": _sender,
    "webhooks": _webhooks,
    OPERATOR: _operator,
}


def _service(
    name: str,
    consumes: Mapping[str, Collection[str]],
    produces: Collection[str],
    reads: Collection[str] = (),
    measures: Mapping[str, frozenset[str]] | None = None,
    data: Mapping[Place, frozenset[str]] | None = None,
) -> Rights:
    """With what every service has: its database, its part in erasures, the dead letters of what it consumes."""
    groups = {f"{name}.{group}": frozenset(topics) for group, topics in {**consumes, "erasures": [COMMANDS]}.items()}
    dead = {dead_letters(topic) for topics in groups.values() for topic in topics}
    return Rights(
        groups,
        frozenset({*produces, COMMANDS, *dead}),
        frozenset(reads),
        measures or {},
        data={(name, ""): DATA, **(data or {})},
    )


def _measured(readers: Iterable[Reader]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for reader in readers:
        group, topic = reader.group, reader.topic
        found[group] = found.get(group, frozenset()) | {topic}
    return found


def _merged(one: Mapping, other: Mapping) -> dict:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in {**one, **other}}
