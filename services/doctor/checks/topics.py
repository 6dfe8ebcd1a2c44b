"""Kafka's topics as Posthorn declares them, and a broker that makes none by accident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.doctor.findings import Finding, warn

MAKE = "Run `posthorn topics`, which makes what is missing."
ALTER = "kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {setting}={value}"
SAFE_REPLICAS, SAFE_IN_SYNC = 3, 2
IN_SYNC = "min.insync.replicas"


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as it is, or as it is to be; `config` by Kafka's names. Of one that is wanted, no more is compared."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """`found` by name, `local` where a laptop's one broker is enough."""

    wanted: Sequence[TopicFacts]
    found: Mapping[str, TopicFacts]
    brokers: int
    auto_create: bool | None
    local: bool = False


def judge(facts: KafkaFacts) -> Iterator[Finding]:
    if facts.auto_create:
        yield Finding(
            "broker",
            "makes topics by accident: one that is misspelt or deleted comes back with the wrong settings",
            "Set auto.create.topics.enable=false in the brokers' configuration.",
        )
    if not facts.local and facts.brokers < SAFE_REPLICAS:
        yield warn("brokers", f"there are {facts.brokers}: what one loses is lost", "Run three brokers or more.")
    missing = [each.name for each in facts.wanted if each.name not in facts.found]
    if missing:
        yield Finding(", ".join(missing), "there is no such topic", MAKE)
    for wanted in facts.wanted:
        if found := facts.found.get(wanted.name):
            yield from _topic(wanted, found, local=facts.local)


def _topic(wanted: TopicFacts, found: TopicFacts, *, local: bool) -> Iterator[Finding]:
    if found.partitions < wanted.partitions:
        yield Finding(found.name, f"has {found.partitions} partitions, fewer than {wanted.partitions}", MAKE)
    replicas = wanted.replicas if local else max(wanted.replicas, SAFE_REPLICAS)
    if found.replicas < replicas:
        yield Finding(
            found.name,
            f"has {found.replicas} replica{'' if found.replicas == 1 else 's'}, fewer than {replicas}",
            f"Reassign it to {replicas} brokers with kafka-reassign-partitions.sh; set POSTHORN_TOPIC_REPLICAS.",
        )
    for setting, value in wanted.config.items():
        there, least = found.config.get(setting, ""), value
        if setting == IN_SYNC:
            least = value if local else str(max(int(value), SAFE_IN_SYNC))
            if there.isdecimal() and int(there) >= int(least):
                continue
        if there != least:
            yield Finding(
                found.name,
                f"has {setting}={there or 'nothing'} and should have {least}",
                ALTER.format(name=found.name, setting=setting, value=least),
            )
    if found.replicas > 1 and found.config.get(IN_SYNC, "") == str(found.replicas):
        yield warn(
            found.name,
            f"takes nothing once one of its {found.replicas} replicas is away",
            ALTER.format(name=found.name, setting=IN_SYNC, value=found.replicas - 1),
        )
