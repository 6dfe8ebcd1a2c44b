"""What may be asked of the queue, as it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.sender.api.schemas import State
from services.sender.queue.selection import PARTS, Selection
from shared.addresses import InvalidAddressError, domain_of, parse_address
from shared.contracts.topics import Lane

MOST_IDS = 100
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Id = Annotated[str, Field(pattern=UUID)]
Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _storable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("out_of_range", "This time is outside of the years 1 to 9999 (UTC)") from error


def _domain(value: str) -> str:
    try:
        return domain_of(parse_address(f"postmaster@{value}"))
    except InvalidAddressError as error:
        raise PydanticCustomError("invalid_domain", "This is no domain that mail can go to") from error


def _address(value: str) -> str:
    try:
        return parse_address(value, smtputf8=True)
    except InvalidAddressError as error:
        raise PydanticCustomError("invalid_address", "This is no address that mail can go to") from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
Domain = Annotated[Name, AfterValidator(_domain)]
Recipient = Annotated[str, Field(max_length=320), AfterValidator(_address)]


class Parts(BaseModel):
    """What messages are looked for or selected by; all of what is named must be theirs."""

    model_config = ConfigDict(extra="forbid")

    workspace: Name | None = Field(None, description="a key can only name its own")
    transport: Name | None = Field(None, description="the id of the transport that they were routed to")
    rollup: Name | None = Field(None, description="what the recipients' mail hosts have in common, as routes have it")
    domain: Domain | None = Field(None, description="the recipients' domain")

    def selection(self, owner: str | None, messages: frozenset[str] | None = None) -> Selection:
        """The selection within the caller's workspace; None is the operator."""
        return Selection(messages, owner or self.workspace, self.transport, self.rollup, self.domain)


class DestinationListing(Parts):
    """The filters of destinations."""

    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=2000)


class MessageListing(Parts):
    """The filters of messages that wait."""

    lane: Lane | None = None
    state: State | None = Field(None, description="without it those that wait, and not those in flight")
    recipient: Recipient | None = Field(None, description="the recipient's whole address")
    hold: Id | None = Field(None, description="what this hold holds; the other filters do not narrow it")
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=2000)

    @model_validator(mode="after")
    def _hold_alone(self) -> Self:
        if self.hold and any(getattr(self, name) is not None for name in (*PARTS[1:], "lane", "state", "recipient")):
            raise PydanticCustomError("hold_alone", "`hold` goes with no other filter than `workspace`")
        return self


class Named(Parts):
    """A selection that names something."""

    messages: list[Id] | None = Field(None, min_length=1, max_length=MOST_IDS, description="message ids")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if all(getattr(self, name) is None for name in ("messages", *PARTS)):
            raise PydanticCustomError("nothing_selected", "Name messages, workspace, transport, rollup or domain")
        return self

    def selected(self, owner: str | None) -> Selection:
        return self.selection(owner, frozenset(self.messages) if self.messages is not None else None)


class HoldBody(Named):
    reason: Text
    until: Moment | None = Field(None, description="when the hold ends by itself")


class ReleaseBody(Parts):
    """One hold, or a selection: the holds that name what is selected are lifted."""

    messages: list[Id] | None = Field(None, min_length=1, max_length=MOST_IDS, description="message ids")
    hold: Id | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = any(getattr(self, name) is not None for name in ("messages", *PARTS))
        if named == (self.hold is not None):
            raise PydanticCustomError("hold_or_selection", "Name one hold, or select messages")
        return self

    def selected(self, owner: str | None) -> Selection:
        return self.selection(owner, frozenset(self.messages) if self.messages is not None else None)


class RetryBody(Named):
    force: bool = Field(
        False, description="the operator: destinations that are left alone or slowed down are tried again, too"
    )


class BounceBody(Named):
    reason: Text


class RerouteBody(Named):
    to: Name | None = Field(None, description="the id of the transport to take; without it any but the present one")
