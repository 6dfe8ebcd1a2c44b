"""What the audit log is told of domains and their addresses."""

from __future__ import annotations

from typing import Any

from services.ingest.accounts.changes import Actor, Entries
from services.ingest.store.domains import KeptDomain, KeptSender
from shared.contracts.entities import Domain, Kind, Sender


class DomainEntries:
    """Makes the entries that are written with a version of a domain or an address."""

    def __init__(self, keep_days: float) -> None:
        self._entries = Entries(keep_days)

    def created(self, actor: Actor, id_: str, workspace_id: str, domain: Domain) -> dict[str, Any]:
        return self._entries.entry(actor, "created", Kind.DOMAIN, id_, workspace_id, domain.model_dump(), {}, 1)

    def changed(self, actor: Actor, verb: str, before: KeptDomain, after: Domain) -> dict[str, Any]:
        data, earlier = after.model_dump(), before.domain.model_dump()
        return self._entries.entry(
            actor, verb, Kind.DOMAIN, before.id, before.workspace_id, data, earlier, before.version + 1
        )

    def address_created(self, actor: Actor, id_: str, workspace_id: str, sender: Sender) -> dict[str, Any]:
        return self._entries.entry(actor, "created", Kind.SENDER, id_, workspace_id, sender.model_dump(), {}, 1)

    def address_deleted(self, actor: Actor, kept: KeptSender) -> dict[str, Any]:
        data = kept.sender.model_dump()
        return self._entries.entry(
            actor, "deleted", Kind.SENDER, kept.id, kept.workspace_id, data, data, kept.version + 1
        )
