"""What a request changes about a contact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import bson

# of all attributes of a contact, as MongoDB keeps them
LARGEST_ATTRIBUTES = 64 * 1024


class Unchanged(Enum):
    """Stands for a field that a request does not give, where null is a value."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class ContactChange:
    """Attributes to set and to remove, and fields to set; a contact that is new is `new_subscribed` unless given.

    `address` is None where it stays as it is.
    """

    address: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    removed: Collection[str] = ()
    subscribed: bool | Unchanged = UNCHANGED
    delivery_route: str | Unchanged | None = UNCHANGED
    new_subscribed: bool = True

    def fits(self, attributes: Mapping[str, Any]) -> bool:
        """Whether a contact with these attributes has room for those that are given; else it keeps what it has."""
        kept = {name: value for name, value in attributes.items() if name not in self.removed}
        return len(bson.encode({**kept, **self.attributes})) <= LARGEST_ATTRIBUTES
