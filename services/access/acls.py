"""Kafka ACLs out of rights, without a wildcard: each names its topic or group. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.access.rights import Rights
from shared.connections import ConnectionSettings


@dataclass(frozen=True, order=True)
class Acl:
    """An allowed operation; `kind` is `topic` or `group`, `name` with the deployment's prefix.

    Describe comes with Read, Write and Alter, an idempotent producer with any Write (KIP-679, Kafka 2.8).
    """

    kind: str
    name: str
    operation: str


def acls_of(rights: Rights, settings: ConnectionSettings) -> list[Acl]:
    """All that a user with these rights is allowed, sorted."""
    found = {Acl(kind, _name(settings, kind, name), operation) for kind, name, operation in _allowed(rights)}
    implied = {(acl.kind, acl.name) for acl in found if acl.operation in ("Read", "Write", "Alter")}
    return sorted(acl for acl in found if acl.operation != "Describe" or (acl.kind, acl.name) not in implied)


def listed(user: str, acls: list[Acl]) -> dict[str, Any]:
    """As Strimzi's KafkaUser lists them, for whoever makes users by other means."""
    operations: dict[tuple[str, str], list[str]] = defaultdict(list)
    for acl in acls:
        operations[acl.kind, acl.name].append(acl.operation)
    return {
        "user": user,
        "acls": [
            {"resource": {"type": kind, "name": name, "patternType": "literal"}, "operations": some, "host": "*"}
            for (kind, name), some in operations.items()
        ],
    }


def _allowed(rights: Rights) -> Iterator[tuple[str, str, str]]:
    for group, topics in rights.consumes.items():
        yield "group", group, "Read"
        yield from (("topic", topic, "Read") for topic in topics)
    yield from (("topic", topic, "Read") for topic in rights.reads)
    yield from (("topic", topic, "Write") for topic in rights.produces)
    for group, topics in rights.measures.items():
        yield "group", group, "Describe"
        yield from (("topic", topic, "Describe") for topic in topics)
    yield from (("topic", topic, "Describe") for topic in rights.counts)
    for topic in rights.configures:
        yield from (("topic", topic, operation) for operation in ("Create", "Alter", "Describe", "DescribeConfigs"))


def _name(settings: ConnectionSettings, kind: str, name: str) -> str:
    return settings.topic(name) if kind == "topic" else settings.group(name)
