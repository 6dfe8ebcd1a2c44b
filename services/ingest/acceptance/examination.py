"""A request with everything that has to be looked up: its template, its sender, who of its recipients is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest.acceptance.documents import Addressed
from services.ingest.acceptance.filling import filled, with_template
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.senders import DeliveryRoutes, Origin, Senders
from services.ingest.acceptance.validation import Checked, Recipient, check
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.faults import Faults
from services.ingest.store.uploads import File
from services.ingest.templates.template import Template
from services.ingest.templates.templates import Templates
from services.ingest.tracking.rewriting import Marks
from shared.addresses import Mailbox
from shared.auth import Principal
from shared.mongo.entity_cache import EntityCache

MARKETING = "marketing"
UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Examined:
    """A request as it will be sent. `marks` are those that its variables became; `marketing` mail does not go to
    contacts who have unsubscribed. `origin` is None only beside a fault."""

    request: SendRequest
    checked: Checked
    origin: Origin | None
    marks: Marks
    marketing: bool


class Examination:
    """Looks up what requests name."""

    def __init__(self, cache: EntityCache, contacts: ContactLookup, templates: Templates, life: timedelta) -> None:
        self._senders = Senders(cache)
        self._routes = DeliveryRoutes(cache, self._senders)
        self._contacts = contacts
        self._templates = templates
        self._life = life

    async def examine(
        self, principal: Principal, request: SendRequest, faults: Faults, now: datetime, uploaded: Sequence[File] = ()
    ) -> Examined:
        """Tells every fault that there is."""
        template = await self._template(principal, request, faults)
        if template is not None:
            request = with_template(request, template, principal.workspace.default_sender)
        marks = Marks.for_texts(*(text for text in (request.html, request.text) if isinstance(text, str)))
        if template is not None or request.data is not None:
            request = filled(request, marks, faults)
        checked = check(request, principal.workspace, now, self._life, faults, uploaded)
        origin = None
        if checked.sender is not None:
            origin = await self.origin(principal, checked.sender, faults)
        return Examined(request, checked, origin, marks, template is not None and template.type == MARKETING)

    async def origin(self, principal: Principal, sender: Mailbox, faults: Faults) -> Origin | None:
        """Who a message goes out from; tells the fault where the caller may not send from there."""
        origin = await self._senders.resolve(principal.workspace_id, sender)
        if origin is None:
            faults.add("#/from", "sender_not_verified", "`from` is not of a verified domain of the workspace.")
        elif not principal.may_send_from(sender.domain):
            faults.add("#/from", "sender_not_allowed", "This key may not send from this domain.")
            return None
        return origin

    async def addressed(
        self, principal: Principal, recipients: Sequence[Recipient], origin: Origin, *, marketing: bool = False
    ) -> list[Addressed]:
        """Each recipient with its contact, if it is one, and its contact's own sender."""
        contacts = await self._contacts.find(principal.workspace_id, [one.address for one in recipients])
        routed = await self._routes.of(principal.workspace_id, contacts)
        found = []
        for one in recipients:
            key = one.address.lower()
            contact = contacts.get(key)
            stopped = UNSUBSCRIBED if marketing and contact is not None and not contact.subscribed else None
            found.append(Addressed(one, routed.get(key, origin), contact.id if contact else None, stopped))
        return found

    async def template(self, principal: Principal, template_id: str, version: int | None = None) -> Template | None:
        """A template of the caller's workspace, the newest version where none is named."""
        return await self._templates.get(principal.workspace_id, template_id, version)

    async def _template(self, principal: Principal, request: SendRequest, faults: Faults) -> Template | None:
        if request.template is None:
            return None
        template = await self.template(principal, request.template, request.template_version)
        if template is None:
            faults.add("#/template", "template_not_found", "The workspace has no such template or version.")
        return template
