"""MongoDB: a replica set that takes majority writes, new enough, with every index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.doctor.findings import Finding, warn

OLDEST = (6, 0)
SAFE_MEMBERS = 3
INDEXES = "Run `posthorn indexes`, which makes what is missing."


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`version` and `compatibility` as `6.0`; `write_fault` why a majority write failed; `missing` are the keys of
    indexes by `database.collection`."""

    version: str
    compatibility: str | None
    set_name: str | None
    members: int
    write_fault: str | None = None
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    local: bool = False


def judge(facts: DatabaseFacts) -> Iterator[Finding]:
    if _numbers(facts.version) < OLDEST:
        yield Finding("version", f"MongoDB is {facts.version}, older than 6.0", "Upgrade it, one major at a time.")
    elif facts.compatibility and _numbers(facts.compatibility) < _numbers(facts.version):
        yield warn(
            "featureCompatibilityVersion",
            f"is {facts.compatibility} at a server of {facts.version}: an upgrade was not finished",
            f'Run db.adminCommand({{setFeatureCompatibilityVersion: "{_short(facts.version)}", confirm: true}}).',
        )
    if facts.set_name is None:
        yield Finding(
            "replica set",
            "MongoDB is no replica set: no majority keeps what was promised",
            "Start mongod with --replSet and run rs.initiate(); name the set in POSTHORN_MONGO_URL.",
        )
    elif facts.members < SAFE_MEMBERS and not facts.local:
        yield warn(
            "replica set",
            f"{facts.set_name} has fewer than {SAFE_MEMBERS} members ({facts.members}): it stops with one",
            "Run three members or more.",
        )
    if facts.write_fault is not None:
        yield Finding(
            "majority writes",
            f"are not taken: {facts.write_fault}",
            "Look at rs.status(): a majority of members must be up, and the user must be allowed to write.",
        )
    for where, keys in facts.missing.items():
        yield Finding(where, f"has no index {', '.join(keys)}", INDEXES)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])
