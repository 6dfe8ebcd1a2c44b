"""What Plunk's `POST /v1/send` does: one e-mail for each recipient, each with a contact and data of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.documents import Accepted
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.storing import Call
from services.ingest.contacts.attributes import check_attributes
from services.ingest.contacts.contacts import AttributesFullError, Contacts, Upserted
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.dialects.plunk.keys import UsedKeys
from services.ingest.dialects.plunk.requests import (
    Data,
    Recipient,
    change_of,
    check_contact,
    check_files,
    core_fields,
    data_full,
    data_of,
    recipients_of,
    sender_of,
)
from services.ingest.dialects.reading import request_of
from services.ingest.faults import Faults
from shared.auth import Principal
from shared.errors import ProblemError

Email = dict[str, Any]
TAKEN = ("idempotency_key_reused", "idempotency_key_in_use")


class PlunkSending:
    """Creates or changes the contacts, and has an e-mail accepted for each."""

    def __init__(
        self, admission: Admission, keys: UsedKeys, contacts: Contacts, lookup: ContactLookup, declared: DeclaredFields
    ) -> None:
        self._admission = admission
        self._keys = keys
        self._contacts = contacts
        self._lookup = lookup
        self._declared = declared

    async def send(self, call: Call, given: Mapping[str, Any]) -> list[Email]:
        """The e-mails with their contacts, in the recipients' order. Raises ProblemError: below 500, no e-mail
        was stored."""
        await self._keys.refuse(call)
        recipients = recipients_of(given.get("to"))
        data = data_of(given.get("data"))
        fields = await self._fields(call.principal, given)
        await self._check(call.principal, given, fields, recipients, data)
        counted = await self._admission.count(call.principal, len(recipients))
        call = call.already_counted()
        try:
            contacts = await self._upsert(call.principal, given, recipients, data)
            requests = [
                _request(fields, recipient, _variables(contact.attributes, data, contact))
                for recipient, contact in zip(recipients, contacts, strict=True)
            ]
            # the first one holds the key, so that of two requests with it only one goes on
            first = await self._admit(call, requests[0], contacts[0])
        except ProblemError as problem:
            if counted is not None and problem.status < 500:
                counted.give_back()
            raise
        unheld = call.under(None)
        others = (self._admit(unheld, *each) for each in zip(requests[1:], contacts[1:], strict=True))
        return [first, *await _all_of(others)]

    async def _fields(self, principal: Principal, given: Mapping[str, Any]) -> dict[str, Any]:
        id_ = given.get("template")
        template = await self._admission.template(principal, id_) if isinstance(id_, str) else None
        return core_fields(given, sender_of(given, template, principal.workspace.default_sender))

    async def _check(
        self,
        principal: Principal,
        given: Mapping[str, Any],
        fields: Mapping[str, Any],
        recipients: Sequence[Recipient],
        data: Data,
    ) -> None:
        """Every fault of every e-mail, before the first of them is accepted."""
        faults = Faults()
        check_contact(given, faults)
        check_files(given.get("attachments"), faults)
        if len(recipients) > (most := principal.workspace.max_recipients):
            faults.add("#/to", "too_many_recipients", f"At most {most} recipients.")
            faults.raise_any()
        declared = await self._declared.by_name(principal.workspace_id)
        check_attributes(data.kept, declared, faults, nested=True, at="data")
        found = await self._lookup.find(principal.workspace_id, [each.address for each in recipients])
        for recipient in recipients:
            known = found.get(recipient.address.lower())
            attributes = known.attributes if known is not None else {}
            request, told = _request(fields, recipient, _variables(attributes, data.with_name(recipient.name), None))
            try:
                await self._admission.preview(principal, request, told)
            except ProblemError as problem:
                if not problem.errors:
                    raise
                for fault in problem.errors:
                    pointer = recipient.pointer if fault.pointer in ("#/to", "#/to/0") else fault.pointer
                    faults.add(pointer, fault.code, fault.detail)
        faults.raise_any()

    async def _upsert(
        self, principal: Principal, given: Mapping[str, Any], recipients: Sequence[Recipient], data: Data
    ) -> list[Upserted]:
        changes = [
            change_of(each.address, data.with_name(each.name), given.get("subscribed"), new_subscribed=False)
            for each in recipients
        ]
        try:
            return await self._contacts.upsert_many(principal.workspace_id, changes)
        except AttributesFullError as error:
            raise data_full() from error

    async def _admit(self, call: Call, asked: tuple[SendRequest, Faults], contact: Upserted) -> Email:
        """The e-mail as it was accepted; raises a 409 problem where another request has taken the key meanwhile."""

        def render(accepted: Sequence[Accepted]) -> bytes:
            shown = {"contact": {"id": contact.id, "email": contact.address}, "email": accepted[0].message_id}
            return orjson.dumps(shown)

        try:
            admitted = await self._admission.admit(call, *asked, render)
        except ProblemError as problem:
            if problem.code not in TAKEN:
                raise
            await self._keys.refuse(call, running=True)
            raise
        if admitted.replayed:
            await self._keys.refuse(call, running=True)
        email: Email = orjson.loads(admitted.reply)
        return email


async def _all_of(admitting: Iterable[Awaitable[Email]]) -> list[Email]:
    """Every one runs to its end; then the first failure is raised."""
    emails: list[Email] = []
    for result in await asyncio.gather(*admitting, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        emails.append(result)
    return emails


def _request(
    fields: Mapping[str, Any], recipient: Recipient, variables: Mapping[str, Any]
) -> tuple[SendRequest, Faults]:
    to = None if recipient.mailbox in (None, "") else [recipient.mailbox]
    return request_of({**fields, "to": to, "data": dict(variables)})


def _variables(attributes: Mapping[str, Any], data: Data, contact: Upserted | None) -> dict[str, Any]:
    """What `{{…}}` stands for: what the contact keeps, what came for this e-mail, and what every e-mail has, which is
    not known before there is a contact."""
    own = {**attributes, **data.kept, **data.passing}
    every: dict[str, Any] = {"data": own}
    if contact is not None:
        every |= {"id": contact.id, "email": contact.address, "subscribed": contact.subscribed}
    return {**own, **every}
