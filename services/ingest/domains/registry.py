"""A workspace's domains: made, looked at when asked, rotated, deleted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from services.ingest.accounts.changes import Actor
from services.ingest.domains.checks import TRIES, Checks
from services.ingest.domains.entries import DomainEntries
from services.ingest.domains.keys import KeyMaker
from services.ingest.domains.names import next_selector
from services.ingest.domains.requests import DomainChanges, NewDomain
from services.ingest.domains.rotation import has_room, is_rotating, lacking, rotation_begun, with_ed25519
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains, ExistsError, KeptDomain, Senders
from shared.auth import Principal
from shared.contracts.entities import Domain
from shared.dkim_keys import ED25519
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import VersionConflictError
from shared.tokens import uuid7

FEATURE, LIMIT = "domains.enabled", "domains.max"


def new_ownership_token() -> str:
    """What the owner of a domain publishes to show that it is theirs: 128 random bits."""
    return secrets.token_hex(16)


class Registry:
    """What the routes do with domains; each call names the workspace."""

    def __init__(self, domains: Domains, senders: Senders, checks: Checks, settings: Settings) -> None:
        self._domains = domains
        self._senders = senders
        self._checks = checks
        self._keys = KeyMaker(settings.secret_box)
        self._entries = DomainEntries(settings.audit_days)

    async def require_room(self, principal: Principal) -> None:
        """Raises a 403 problem where the workspace has as many domains as it may."""
        if await self._domains.count(principal.workspace_id) >= principal.workspace.max_domains:
            raise ProblemError(
                403,
                "limit_exceeded",
                f"This workspace may have {principal.workspace.max_domains} domains.",
                members={"error": "limit_exceeded", "feature": LIMIT},
            )

    async def create(self, actor: Actor, workspace_id: str, wanted: NewDomain) -> KeptDomain:
        """A pending domain with a key for each selector; raises a 422 problem."""
        faults = wanted.faults()
        if await self._domains.is_taken(wanted.name):
            faults.append(Fault("#/name", "domain_taken", "This domain is verified already."))
        if faults:
            raise invalid_request(faults)
        id_ = uuid7()
        selectors = wanted.dkim_selectors or [next_selector([])]
        keys = await asyncio.gather(*(self._keys.make(id_, selector) for selector in selectors))
        if wanted.dkim_ed25519:
            keys.append(await self._keys.make(id_, next_selector(selectors), ED25519))
        domain = Domain(
            name=wanted.name,
            verified=False,
            keys=keys,
            ownership=new_ownership_token(),
            dkim_ed25519=wanted.dkim_ed25519,
            tracking_subdomain=wanted.tracking_subdomain,
            tracking_mode=(wanted.tracking_mode or "direct") if wanted.tracking_subdomain else None,
            created_at=datetime.now(UTC),
        )
        try:
            entry = self._entries.created(actor, id_, workspace_id, domain)
            return await self._domains.put(id_, workspace_id, domain, audit=entry)
        except ExistsError as error:
            fault = Fault("#/name", "already_exists", "The workspace has this domain already.")
            raise invalid_request([fault]) from error

    async def find(self, workspace_id: str, id_or_name: str) -> KeptDomain:
        """The domain of this id or name; raises a 404 problem."""
        kept = await self._domains.find(workspace_id, id_or_name)
        if kept is None:
            raise not_found("domain")
        return kept

    async def verify(self, actor: Actor, workspace_id: str, id_or_name: str) -> KeptDomain:
        """The domain after a look at the DNS, now."""
        return await self._checks.check(actor, await self.find(workspace_id, id_or_name))

    async def rotate(self, actor: Actor, workspace_id: str, id_or_name: str) -> KeptDomain:
        """Begins a rotation: the next keys that the DNS shows take over. One that is under way goes on."""

        def begun(domain: Domain) -> Domain:
            return domain if is_rotating(domain) else rotation_begun(domain)

        return await self._change_keys(actor, workspace_id, id_or_name, "rotation_begun", begun)

    async def change(self, actor: Actor, workspace_id: str, id_or_name: str, wanted: DomainChanges) -> KeptDomain:
        """Has the domain sign with a second key, of Ed25519, once the DNS shows it, or no more."""

        def changed(domain: Domain) -> Domain:
            return with_ed25519(domain, wanted.dkim_ed25519, datetime.now(UTC))

        return await self._change_keys(actor, workspace_id, id_or_name, "changed", changed)

    async def _change_keys(
        self, actor: Actor, workspace_id: str, id_or_name: str, verb: str, change: Callable[[Domain], Domain]
    ) -> KeptDomain:
        """Writes what `change` makes of the domain, with the keys that it lacks then, and has it looked at at once."""
        for _ in range(TRIES):
            kept = await self.find(workspace_id, id_or_name)
            changed = change(kept.domain)
            if any(not has_room(changed, line) for line in lacking(changed)) and not is_rotating(kept.domain):
                raise ProblemError(
                    409, "too_many_keys", "Too many replaced keys of this domain are still to be published."
                )
            changed = await self._checks.with_keys(kept.id, changed)
            if changed == kept.domain:
                return kept
            try:
                entry = self._entries.changed(actor, verb, kept, changed)
                written = await self._domains.put(kept.id, workspace_id, changed, expected=kept.version, audit=entry)
            except VersionConflictError:
                continue
            at_once = {"looks": 0, "next_at": datetime.now(UTC)}
            await self._domains.save_checks({kept.id: at_once})
            return replace(written, check={**written.check, **at_once})
        raise _busy()

    async def delete(self, actor: Actor, workspace_id: str, id_or_name: str) -> None:
        """Deletes the domain with its keys and addresses; its name is free again."""
        for _ in range(TRIES):
            kept = await self.find(workspace_id, id_or_name)
            gone = kept.domain.with_changes(verified=False, exclusive=None, active=None, active_ed25519=None, keys=[])
            entry = self._entries.changed(actor, "deleted", kept, gone)
            try:
                await self._domains.put(kept.id, workspace_id, gone, expected=kept.version, deleted=True, audit=entry)
            except VersionConflictError:
                continue
            await self._senders.delete_all(kept)
            return
        raise _busy()


def _busy() -> ProblemError:
    return ProblemError(409, "conflict", "The domain keeps changing; please try again.")
