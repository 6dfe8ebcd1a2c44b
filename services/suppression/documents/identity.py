"""What never changes of a suppression."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.suppression.rules import Place

NAMESPACE = uuid.UUID("0d9a3c52-41f4-5d0e-8f2b-1b0f0d8c7e55")
IDENTITY = ("_id", "public_id", "workspace_id", "domain", "stream", "address_hmac")


@dataclass(frozen=True, slots=True)
class Named:
    """An address as an entry holds it: sealed, and the HMACs that a search finds it by."""

    identity: Mapping[str, Any]
    sealed: str
    parts: list[str]

    @property
    def key(self) -> str:
        key: str = self.identity["_id"]
        return key


def key_of(place: Place, digest: str) -> str:
    return f"{place.name}:{digest}"


def identity_of(place: Place, digest: str) -> dict[str, Any]:
    """The fields that never change; `public_id` is what callers see, of this place alone."""
    key = key_of(place, digest)
    narrowed = {"domain": place.domain, "stream": place.stream}
    return {
        "_id": key,
        "public_id": str(uuid.uuid5(NAMESPACE, key)),
        "workspace_id": place.workspace_id,
        **{name: value for name, value in narrowed.items() if value is not None},
        "address_hmac": digest,
    }


def place_of(document: Mapping[str, Any]) -> Place:
    return Place(document["workspace_id"], document.get("domain"), document.get("stream"))
