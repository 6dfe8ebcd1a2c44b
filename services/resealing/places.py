"""Where sealed secrets stand, and under which purpose. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from services.roles import SERVICES
from shared.contracts.entities import Kind
from shared.contracts.purposes import (
    dkim_purpose,
    endpoint_purpose,
    erasure_purpose,
    suppression_purpose,
    templates_purpose,
    transport_purpose,
)
from shared.mongo.erasures import COLLECTION as KNOWN_ERASURES
from shared.secrets import SecretBox

OWNERS = {Kind.DOMAIN: "ingest", Kind.TRANSPORT: "router", Kind.ENDPOINT: "webhooks"}
"""The kinds of entities that hold secrets, by the service that owns them."""
Sealed = tuple[dict[str, Any], str, str]
"""The dictionary that a sealed secret stands in, its name there, and its purpose."""

ADDRESSES: Mapping[tuple[str, str], Callable[[str], str]] = {
    ("suppression", "suppressions"): suppression_purpose,
    ("suppression", "erasures"): erasure_purpose,
    **{(service, KNOWN_ERASURES): erasure_purpose for service in SERVICES},
}
"""A service's collections with a sealed `address`: its purpose by the document's id."""
PLACES = (*((service, str(kind)) for kind, service in OWNERS.items()), *ADDRESSES)
"""All of them, as database and collection."""


def secrets_of(kind: Kind, id_: str, data: dict[str, Any]) -> Iterator[Sealed]:
    """The sealed secrets in an entity's data."""
    if kind is Kind.DOMAIN:
        yield from ((pair, "private_key", dkim_purpose(id_)) for pair in data["keys"])
    elif kind is Kind.TRANSPORT:
        yield data, "password", transport_purpose(id_)
    elif kind is Kind.ENDPOINT:
        yield data, "secret", endpoint_purpose(id_)
        yield data, "previous_secret", endpoint_purpose(id_)
        yield data, "templates", templates_purpose(id_)


def renewed(kind: Kind, id_: str, data: Mapping[str, Any], box: SecretBox) -> dict[str, Any] | None:
    """The data with every secret sealed by the box's own key; None where they are. Raises UnsealError."""
    changed, own = False, deepcopy(dict(data))
    for holder, name, purpose in secrets_of(kind, id_, own):
        sealed = box.renewed(holder[name], purpose) if holder.get(name) else None
        if sealed is not None:
            holder[name], changed = sealed, True
    return own if changed else None
