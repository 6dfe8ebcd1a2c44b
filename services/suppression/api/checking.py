"""What mail to many addresses would come to now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from services.suppression.api.callers import Caller
from services.suppression.api.schemas import Check
from services.suppression.rules import PLATFORM, Entry, Place, leading, places_of
from services.suppression.store import Suppressions
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response
from shared.contracts.topics import Lane, Stream
from shared.errors import Fault, invalid_request


class CheckApi:
    def __init__(self, store: Suppressions) -> None:
        self._store = store

    async def check(self, caller: Caller, check: Check) -> Response:
        """Says of each address what the pipeline would say of mail to it now, in one query."""
        places = self._places(caller, check)
        addresses = [_address(email) for email in check.emails]
        digests = [address and self._store.naming.digest(address) for address in addresses]
        now = datetime.now(UTC)
        workspace_ids = {place.workspace_id for place in places if place.workspace_id is not None}
        standing = await self._store.standing({digest for digest in digests if digest}, workspace_ids, now)
        spare = _spares(caller, check.stream)
        found = [
            leading(
                (each for each in standing.get(digest or "", ()) if each.place in places), now, spare_complaints=spare
            )
            for digest in digests
        ]
        verdicts = [
            _verdict(caller, email, entry, is_address=address is not None)
            for email, address, entry in zip(check.emails, addresses, found, strict=True)
        ]
        return json_response(200, {"data": verdicts})

    def _places(self, caller: Caller, check: Check) -> tuple[Place, ...]:
        if caller.workspace_id is None:
            return (PLATFORM,)
        if check.from_ is not None and _address(check.from_) is None:
            raise invalid_request([Fault("#/from", "invalid_address", "This is not a valid e-mail address.")])
        return places_of(caller.workspace_id, check.from_ and _address(check.from_), check.stream)


def _address(text: str) -> str | None:
    try:
        return parse_address(text, smtputf8=True)
    except InvalidAddressError:
        return None


def _spares(caller: Caller, stream: Stream | None) -> bool:
    critical = stream is not None and stream.lane is Lane.CRITICAL
    return critical and caller.principal is not None and caller.principal.workspace.complaints_spare_critical


def _verdict(caller: Caller, email: str, entry: Entry | None, *, is_address: bool) -> dict[str, Any]:
    if entry is None:
        verdict = "send" if is_address else "invalid"
        return {"email": email, "verdict": verdict, "reason": None, "scope": None, "suppression": None}
    own = entry.place.workspace_id == caller.workspace_id
    return {
        "email": email,
        "verdict": "suppressed",
        "reason": entry.reason,
        "scope": entry.place.name,
        "suppression": entry.id if own else None,
    }
