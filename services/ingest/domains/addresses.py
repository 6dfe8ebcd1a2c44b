"""The sender addresses of a domain."""

from __future__ import annotations

from datetime import UTC, datetime

from services.ingest.accounts.changes import Actor
from services.ingest.domains.entries import DomainEntries
from services.ingest.domains.requests import NewAddress
from services.ingest.store.domains import ExistsError, KeptDomain, KeptSender, Senders
from shared.addresses import InvalidAddressError, parse_address
from shared.contracts.entities import Company, Sender
from shared.errors import Fault, invalid_request, not_found
from shared.tokens import uuid7


class Addresses:
    """What the routes do with the addresses of one domain."""

    def __init__(self, senders: Senders, entries: DomainEntries) -> None:
        self._senders = senders
        self._entries = entries

    async def create(self, actor: Actor, domain: KeptDomain, wanted: NewAddress, *, smtputf8: bool) -> KeptSender:
        """A new address, kept in lower case as it is looked up without regard to case; raises a 422 problem."""
        try:
            address = parse_address(f"{wanted.address}@{domain.domain.name}", smtputf8=smtputf8)
        except InvalidAddressError as error:
            raise invalid_request([Fault("#/address", "invalid_address", f"With its domain this {error}.")]) from error
        sender = Sender(
            address=address.lower(),
            name=wanted.display_name,
            verified=True,
            domain_id=domain.id,
            reply_to=wanted.reply_to,
            company=Company(
                address=wanted.company_address,
                address_2=wanted.company_address_2,
                city=wanted.company_city,
                state=wanted.company_state,
                zip=wanted.company_zip,
                country=wanted.company_country,
            ),
            created_at=datetime.now(UTC),
        )
        id_ = uuid7()
        entry = self._entries.address_created(actor, id_, domain.workspace_id, sender)
        try:
            return await self._senders.put(id_, domain.workspace_id, sender, audit=entry)
        except ExistsError as error:
            fault = Fault("#/address", "already_exists", "The workspace has this address already.")
            raise invalid_request([fault]) from error

    async def find(self, domain: KeptDomain, id_: str) -> KeptSender:
        """Raises a 404 problem for an address of another domain, too."""
        kept = await self._senders.find(domain, id_)
        if kept is None:
            raise not_found("address")
        return kept

    async def delete(self, actor: Actor, domain: KeptDomain, id_: str) -> None:
        kept = await self.find(domain, id_)
        entry = self._entries.address_deleted(actor, kept)
        await self._senders.put(kept.id, kept.workspace_id, kept.sender, deleted=True, audit=entry)
