"""`mail.commands`: the erasure of a person's data, and each service's word that it has done its part."""

from __future__ import annotations

from typing import Literal

from shared.contracts.record import Record, Timestamp


class Erase(Record):
    """Asks every service to erase what it holds of an address, of what is older than `occurred_at` (the database's
    clock). The address is sealed for this erasure alone; `workspace_id` None means in every workspace."""

    type: Literal["erase"] = "erase"
    erasure_id: str
    workspace_id: str | None = None
    address_hmac: str
    address: str
    occurred_at: Timestamp


class Erased(Record):
    """A service has done its part: `counts` is what of each kind it holds without the person now, or has deleted."""

    type: Literal["erased"] = "erased"
    erasure_id: str
    workspace_id: str | None = None
    service: str
    counts: dict[str, int]
    began_at: Timestamp
    occurred_at: Timestamp
