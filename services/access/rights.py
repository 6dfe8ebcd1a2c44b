"""What each service reads and writes, and the operator's commands: the one place that users' rights are made from.

Names are without the deployment's prefixes. What a service sends and receives, its flow says, which tests hold to the
code; the tests in tests/secured run all of it where the rest is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce

from services.ingest.bootstrap import COPIES
from services.ingest.publication.allowance import downstream
from services.resealing.places import PLACES
from services.roles import SERVICES
from services.sender.queue.stages import readers_of
from shared.content import CHUNKS, COLLECTION
from shared.contracts.flows import FLOWS
from shared.contracts.topics import EVENTS, LIVE, WEBHOOK_EVENTS, Lane, accepted, all_topics, dead_letters
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
    of others whose lag is counted; `counts`: topics of which it is asked how many records they have; `configures`:
    topics that are made, changed and asked for their settings."""

    consumes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    produces: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    measures: Mapping[str, frozenset[str]] = field(default_factory=dict)
    counts: frozenset[str] = frozenset()
    configures: frozenset[str] = frozenset()
    data: Mapping[Place, frozenset[str]] = field(default_factory=dict)

    def __or__(self, other: Rights) -> Rights:
        return Rights(
            _merged(self.consumes, other.consumes),
            self.produces | other.produces,
            self.reads | other.reads,
            _merged(self.measures, other.measures),
            self.counts | other.counts,
            self.configures | other.configures,
            _merged(self.data, other.data),
        )


def rights_of(names: Iterable[str]) -> Rights:
    """Of a process that runs the named services, or of `operator`."""
    return reduce(Rights.__or__, (_OF[name]() for name in names), Rights())


def _service(
    name: str,
    reads: Collection[str] = (),
    measures: Mapping[str, frozenset[str]] | None = None,
    counts: Collection[str] = (),
    data: Mapping[Place, frozenset[str]] | None = None,
) -> Rights:
    """What it sends and receives, the dead letters of that, and its database."""
    flow = FLOWS[name]
    return Rights(
        {group: frozenset(topics) for group, topics in flow.groups.items()},
        frozenset({*flow.sends, *flow.dead_letters}),
        frozenset({*flow.reads, *reads}),
        measures or {},
        frozenset(counts),
        data={(name, ""): DATA, **(data or {})},
    )


def _ingest() -> Rights:
    readers = [reader for lane in Lane for path in downstream(lane) for reader in path]
    # its relay says for all services how much stands on the dead-letter topics
    return _service("ingest", measures=_measured(readers), counts=[*map(dead_letters, LIVE)], data=CONTENTS)


def _sender() -> Rights:
    readers = [reader for lane in Lane for some in readers_of(lane).values() for reader in some]
    first_unread = [reader.topic for reader in readers]  # how old it is, the record says
    return _service("sender", reads=first_unread, measures=_measured(readers), data=CONTENTS)


def _operator() -> Rights:
    """For `posthorn topics`, `indexes`, `dlq`, `bootstrap`, `rebuild`, `reseal` and `doctor`."""
    copies = {(service, str(kind)): frozenset({"find"}) for service, kinds in COPIES.items() for kind in kinds}
    resealed = dict.fromkeys(PLACES, frozenset({"find", "update"}))
    made = {(database, ""): SCHEMA for database in (*SERVICES, "content")}
    # a capped collection is made with its first document
    made |= {(service, NOTICES): frozenset({"convertToCapped", "insert"}) for service in SERVICES}
    return Rights(
        produces=frozenset(LIVE),
        reads=frozenset({*map(dead_letters, LIVE), *map(accepted, Lane), EVENTS, WEBHOOK_EVENTS}),
        configures=frozenset(topic.name for topic in all_topics()),
        data=reduce(_merged, (made, copies, resealed, {("ingest", ""): DATA})),
    )


# written by ingest, and by the return door for replies; deleted by either when what it wrote is to be forgotten
CONTENTS: Mapping[Place, frozenset[str]] = {("content", COLLECTION): DATA, ("content", CHUNKS): DATA}
_OF: Mapping[str, Callable[[], Rights]] = {
    "ingest": _ingest,
    "router": partial(_service, "router"),
    "suppression": partial(_service, "suppression"),
    "sender": _sender,
    "webhooks": partial(_service, "webhooks"),
    OPERATOR: _operator,
}


def _measured(readers: Iterable[Reader]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for reader in readers:
        group, topic = reader.group, reader.topic
        found[group] = found.get(group, frozenset()) | {topic}
    return found


def _merged(one: Mapping, other: Mapping) -> dict:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in {**one, **other}}
