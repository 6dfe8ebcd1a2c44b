"""Plunk's route: one e-mail for each recipient, each with a contact and data of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.documents import Accepted
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.storing import Call
from services.ingest.api.door import Door
from services.ingest.contacts.attributes import check_attributes
from services.ingest.contacts.changes import UNCHANGED, ContactChange
from services.ingest.contacts.contacts import Contacts, Upserted
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.contacts.lookup import ContactLookup
from services.ingest.dialects.plunk.requests import Data, check_limits, core_fields, data_of, recipients_of
from services.ingest.dialects.plunk.schemas import send_operation
from services.ingest.dialects.plunk.shapes import error_shape, reused_key, success
from services.ingest.dialects.reading import object_of, request_of
from services.ingest.faults import Faults
from shared.addresses import InvalidAddressError, parse_mailbox
from shared.api import json_response, service_router
from shared.auth import Principal
from shared.errors import answered_within
from shared.service import Base

PATH = "/v1/send"


def plunk_router(base: Base, sending: PlunkSending, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["plunk"])
    router.shapes = {PATH: error_shape}

    async def send(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            given = object_of(await door.json_body(request))
            async with answered_within(door.settings.answer_seconds):
                emails = await sending.send(call, given)
        return json_response(200, success(emails, datetime.now(UTC)))

    router.add_api_route(PATH, send, methods=["POST"], **send_operation())
    return router


class PlunkSending:
    """Creates or changes the contacts, and has an e-mail accepted for each."""

    def __init__(
        self, admission: Admission, contacts: Contacts, lookup: ContactLookup, declared: DeclaredFields
    ) -> None:
        self._admission = admission
        self._contacts = contacts
        self._lookup = lookup
        self._declared = declared

    async def send(self, call: Call, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The e-mails with their contacts, in the recipients' order. Raises ProblemError; nothing is stored then."""
        await self._refuse_used_key(call)
        recipients = recipients_of(given.get("to"))
        data = data_of(given.get("data"))
        await self._check(call.principal, given, recipients, data)
        known = await self._upsert(call.principal, given, recipients, data)
        # the first one holds the key, so that of two requests with it only one goes on
        first = await self._admit(call, given, recipients[0], known[0], data)
        others = [
            self._admit(call.under(f"{call.key}#{place}" if call.key else None), given, recipient, contact, data)
            for place, (recipient, contact) in enumerate(zip(recipients[1:], known[1:], strict=True), start=1)
        ]
        return [first, *await asyncio.gather(*others)]

    async def _refuse_used_key(self, call: Call) -> None:
        if call.key is None:
            return
        original = await self._admission.original_of(call)
        if original is not None:
            details = {"originalRequest": "POST /v1/send", "originalRequestAt": original, "originalStatusCode": 200}
            raise reused_key(details)

    async def _check(
        self, principal: Principal, given: Mapping[str, Any], recipients: Sequence[Any], data: Data
    ) -> None:
        """Every fault of every e-mail, before the first of them is accepted."""
        faults = Faults()
        check_limits(given, faults)
        if len(recipients) > (most := principal.workspace.max_recipients):
            faults.add("#/to", "too_many_recipients", f"At most {most} recipients.")
            faults.raise_any()
        if not isinstance(given.get("subscribed"), bool | None):
            faults.add("#/subscribed", "wrong_type", "`subscribed` must be true or false.")
        if not isinstance(given.get("data"), dict | None):
            faults.add("#/data", "wrong_type", "`data` must be an object.")
        fields = await self._declared.by_name(principal.workspace_id)
        check_attributes(data.kept, fields, faults, nested=True, at="data")
        found = await self._lookup.find(principal.workspace_id, [each for each in recipients if isinstance(each, str)])
        for recipient in recipients or [None]:
            contact = found.get(_address(recipient).lower())
            attributes = contact.attributes if contact is not None else {}
            variables = _variables(attributes, data, "", _address(recipient))
            asked, more = self._request(principal, given, recipient, variables)
            more.take(faults)
            await self._admission.preview(principal, asked, more)
        faults.raise_any()

    async def _upsert(
        self, principal: Principal, given: Mapping[str, Any], recipients: Sequence[Any], data: Data
    ) -> list[Upserted]:
        kept = {name: value for name, value in data.kept.items() if value is not None}
        removed = [name for name, value in data.kept.items() if value is None]
        subscribed = given.get("subscribed")
        changes = [
            ContactChange(
                _address(recipient),
                attributes=kept,
                removed=removed,
                subscribed=UNCHANGED if subscribed is None else subscribed,
                new_subscribed=False,
            )
            for recipient in recipients
        ]
        return await self._contacts.upsert_many(principal.workspace_id, changes)

    async def _admit(
        self, call: Call, given: Mapping[str, Any], recipient: Any, contact: Upserted, data: Data
    ) -> dict[str, Any]:
        variables = _variables(contact.attributes, data, contact.id, contact.address)
        asked, faults = self._request(call.principal, given, recipient, variables)

        def render(accepted: Sequence[Accepted]) -> bytes:
            shown = {"contact": {"id": contact.id, "email": contact.address}, "email": accepted[0].message_id}
            return orjson.dumps(shown)

        admitted = await self._admission.admit(call, asked, faults, render)
        if admitted.replayed:
            raise reused_key({"originalRequest": "POST /v1/send", "originalStatusCode": None})
        email: dict[str, Any] = orjson.loads(admitted.reply)
        return email

    def _request(
        self, principal: Principal, given: Mapping[str, Any], recipient: Any, variables: Mapping[str, Any]
    ) -> tuple[SendRequest, Faults]:
        to = None if recipient in (None, "") else [recipient]
        return request_of({**core_fields(given, principal), "to": to, "data": dict(variables)})


def _variables(attributes: Mapping[str, Any], data: Data, id_: str, address: str) -> dict[str, Any]:
    """What `{{…}}` stands for: what the contact keeps, what came for this e-mail, and what every e-mail has."""
    return {**attributes, **data.kept, "id": id_, "email": address, **data.passing}


def _address(recipient: Any) -> str:
    try:
        return parse_mailbox(recipient, smtputf8=True).address if isinstance(recipient, str) else ""
    except InvalidAddressError:
        return ""
