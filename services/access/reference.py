"""docs/access.md: the rights of each user, as `posthorn access` makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.access.rights import DATA, OPERATOR, Rights, rights_of
from services.roles import SERVICES

HEAD = """\
# What each user may do

At Kafka and MongoDB, made by `posthorn access` ([operations.md](operations.md#connections)); names without prefixes. A
topic that is produced or consumed may be described too. Nobody has a right by a pattern or of a whole cluster.
"""


def render_access(note: str) -> str:
    """One section for each service, and the operator's."""
    parts = [HEAD, note]
    for name in (*SERVICES, OPERATOR):
        rows = "".join(f"| {right} | {names} |\n" for right, names in _rows(rights_of([name])))
        parts.append(f"## posthorn-{name}\n\n| may | of |\n| --- | --- |\n{rows}")
    return "\n".join(parts)


def _rows(rights: Rights) -> Iterator[tuple[str, str]]:
    if rights.consumes:
        yield "consume, in groups of its own", _listed({topic for some in rights.consumes.values() for topic in some})
        yield "join and commit in the groups", _listed(f"posthorn.{group}" for group in rights.consumes)
    if rights.reads:
        yield "read, in no group", _listed(rights.reads)
    if rights.produces:
        yield "produce", _listed(rights.produces)
    if rights.measures:
        yield "count the lag of the groups", _listed(f"posthorn.{group}" for group in rights.measures)
    if counted := rights.counts.union(*rights.measures.values()):
        yield "count the records of", _listed(counted)
    if rights.configures:
        yield "make, give partitions to, ask for settings", f"all {len(rights.configures)} topics"
    for (database, collection), actions in sorted(rights.data.items()):
        does = "find, insert, update and remove" if actions == DATA else ", ".join(sorted(actions))
        yield does, f"database `{database}`" + (f", collection `{collection}`" if collection else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
