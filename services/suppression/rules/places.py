"""Where an entry holds, and which places a message is checked against."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from shared.addresses import domain_of
from shared.contracts.messages import Message


class Scope(StrEnum):
    """How much mail an entry stops: all of the platform, or of a workspace, or what a workspace sends from one domain
    or in one stream."""

    PLATFORM = "platform"
    WORKSPACE = "workspace"
    DOMAIN = "domain"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Place:
    """The whole platform (`workspace_id` None), a workspace, or in it one sending domain or one stream.

    `domain` is an A-label in lower case; it names that domain alone, not those below it.
    """

    workspace_id: str | None = None
    domain: str | None = None
    stream: str | None = None

    @property
    def scope(self) -> Scope:
        if self.workspace_id is None:
            return Scope.PLATFORM
        if self.domain is not None:
            return Scope.DOMAIN
        return Scope.WORKSPACE if self.stream is None else Scope.STREAM

    @property
    def name(self) -> str:
        """As it stands in keys, verdicts and records: `platform`, `workspace:<id>`, `workspace:<id>:domain:<name>`."""
        if self.workspace_id is None:
            return Scope.PLATFORM
        if self.domain is not None:
            return f"workspace:{self.workspace_id}:domain:{self.domain}"
        if self.stream is not None:
            return f"workspace:{self.workspace_id}:stream:{self.stream}"
        return f"workspace:{self.workspace_id}"


PLATFORM = Place()


def places_of(workspace_id: str, sender: str | None, stream: str | None) -> tuple[Place, ...]:
    """Every place whose entries can stop mail of a workspace, of a sender and in a stream where these are given."""
    places = [PLATFORM, Place(workspace_id)]
    if sender is not None:
        places.append(Place(workspace_id, domain=domain_of(sender).lower()))
    if stream is not None:
        places.append(Place(workspace_id, stream=stream))
    return tuple(places)


def names_for(message: Message) -> tuple[str, ...]:
    """The names of the places that a message is checked against."""
    return _names(message.workspace_id, domain_of(message.sender), message.stream)


@lru_cache(maxsize=10_000)
def _names(workspace_id: str, domain: str, stream: str) -> tuple[str, ...]:
    """Of few workspaces, domains and streams is most mail, and four places cost as much as the rest of a check."""
    return tuple(place.name for place in places_of(workspace_id, f"@{domain}", stream))
