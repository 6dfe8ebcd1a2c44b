"""Who a message may go out from: any address of a verified domain, or a contact's own route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.ingest.contacts.lookup import KnownContact
from shared.addresses import Mailbox, render_mailbox
from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache


@dataclass(frozen=True, slots=True)
class Origin:
    """The From of a message, and the version of the domain that signs it."""

    address: str
    mailbox: str
    domain_version: int


class Senders:
    """Looks senders up in the entities that this process remembers."""

    def __init__(self, cache: EntityCache) -> None:
        self._cache = cache

    async def resolve(self, workspace_id: str, mailbox: Mailbox) -> Origin | None:
        """The origin that a `from` names, None where the workspace may not send from it."""
        domain = await self._cache.find_one(Kind.DOMAIN, "name", mailbox.domain, workspace_id)
        if domain is None or not domain.data["verified"] or not domain.data.get("active"):
            return None  # nothing goes out unsigned
        return Origin(mailbox.address, render_mailbox(mailbox), domain.version)


class DeliveryRoutes:
    """The senders that contacts' own mail goes out from."""

    def __init__(self, cache: EntityCache, senders: Senders) -> None:
        self._cache = cache
        self._senders = senders

    async def of(self, workspace_id: str, contacts: Mapping[str, KnownContact]) -> dict[str, Origin]:
        """The origins of those contacts, by address, that have a delivery route which may be used."""
        routes = {address: known.delivery_route for address, known in contacts.items() if known.delivery_route}
        if not routes:
            return {}
        senders = await self._cache.many(Kind.SENDER, dict.fromkeys(routes.values(), 0))
        found: dict[str, Origin] = {}
        for address, route in routes.items():
            sender = senders.get(route)
            if sender is None or sender.workspace_id != workspace_id or not sender.data["verified"]:
                continue
            mailbox = Mailbox(sender.data.get("name"), sender.data["address"])
            if origin := await self._senders.resolve(workspace_id, mailbox):
                found[address] = origin
        return found
