"""What callers write about suppressions, and what they read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.suppression.rules import Reason, Scope
from shared.contracts.topics import Stream
from shared.openapi.operations import PROBLEM
from shared.paging import FILTERS, SEARCHED, PageMeta, Paging

MOST_AT_ONCE = 1_000
AddedType = Literal["bounce", "complaint", "manual", "unsubscribe"]
Origin = Literal["api", "event", "import", "operator"]


def _storable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("out_of_range", "This time is outside of the years 1 to 9999 (UTC)") from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
Domain = Annotated[str | None, Field(None, max_length=253, description="a sending domain, for the scope `domain`")]
OfStream = Annotated[Stream | None, Field(None, description="for the scope `stream`")]
OfScope = Annotated[
    Scope | None,
    Field(
        None, description="how much mail it stops: the workspace's (`platform` for the operator) where it is left out"
    ),
]
Why = Annotated[str | None, Field(None, min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Where(Given):
    """Which entry an address names; an id needs none of it."""

    scope: OfScope
    domain: Domain
    stream: OfStream


class Removing(Where):
    """`reason` says why it is removed; a complaint's needs one."""

    reason: Why


class NewSuppression(Where):
    """A suppression made by hand; `reason` says why in the caller's words."""

    email: str = Field(max_length=1000)
    type: AddedType = "manual"
    reason: Why
    expires_at: Moment | None = None


class Listed(Given):
    """Which suppressions; `search` is a whole address, or what stands before or after its @."""

    search: str | None = SEARCHED
    filters: str | None = FILTERS


class ListingQuery(Listed, Paging):
    """A page of them."""


class RemovalsQuery(Paging):
    """A page of what is removed; `email` is a whole address."""

    email: str | None = Field(None, max_length=1000)


class Check(Given):
    """Addresses, and what mail to them is asked about: `from` is its sender's address."""

    emails: list[Annotated[str, Field(max_length=1000)]] = Field(min_length=1, max_length=MOST_AT_ONCE)
    from_: str | None = Field(None, alias="from", max_length=1000)
    stream: Stream | None = None


class Bulk(Given):
    """What to add and what to remove, a thousand together; each item has the fields of its own route."""

    add: list[dict[str, Any]] = []
    remove: list[dict[str, Any]] = []

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not 1 <= len(self.add) + len(self.remove) <= MOST_AT_ONCE:
            raise PydanticCustomError("too_many", f"Between 1 and {MOST_AT_ONCE} items are taken at once")
        return self


class BulkRemoval(Removing):
    """By address, or by id."""

    email: str | None = Field(None, max_length=1000)
    uuid: str | None = Field(None, max_length=100)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.email is None) == (self.uuid is None):
            raise PydanticCustomError("one_of", "Either `email` or `uuid` names what is removed")
        return self


class ImportDefaults(Where):
    """What holds for rows that do not say."""

    type: AddedType = "manual"
    reason: Why


class SuppressionView(BaseModel):
    """A suppression. `cause` is what exactly suppresses; `reason` the words of whoever made it, else the cause.

    Of who was erased (`type` `erasure`) there is no `email`.
    """

    uuid: str
    email: str | None
    type: Literal["bounce", "complaint", "manual", "unsubscribe", "erasure"]
    cause: Reason
    reason: str
    scope: Scope
    domain: str | None
    stream: str | None
    origin: Origin
    evidence: dict[str, Any]
    created_at: str
    last_seen: str
    expires_at: str | None


class SuppressionReply(BaseModel):
    data: SuppressionView


class SuppressionPage(BaseModel):
    data: list[SuppressionView]
    meta: PageMeta


class RemovalView(BaseModel):
    """What was removed: when, by which key (none: the operator), and why."""

    uuid: str
    scope: Scope
    domain: str | None
    stream: str | None
    cause: Reason
    removed_at: str
    by: str | None
    origin: Origin
    reason: str | None


class RemovalsPage(BaseModel):
    data: list[RemovalView]
    meta: PageMeta


class HistoryView(BaseModel):
    """A change of an entry; `by` is the key of who made it."""

    change: Literal["added", "removed"]
    at: str
    cause: Reason
    by: str | None
    origin: Origin
    reason: str | None


class HistoryReply(BaseModel):
    """Newest first."""

    data: list[HistoryView]


class VerdictView(BaseModel):
    """What mail to an address comes to; `invalid` is no address. `suppression` is the entry's id where it is yours."""

    email: str
    verdict: Literal["send", "suppressed", "invalid"]
    reason: str | None
    scope: str | None
    suppression: str | None


class CheckReply(BaseModel):
    data: list[VerdictView]


class ImportFault(BaseModel):
    line: int
    code: str
    detail: str


class ImportSummary(BaseModel):
    """What a file came to; `faults` are its first hundred faulty lines."""

    rows: int
    added: int
    replaced: int
    unchanged: int
    faulty: int
    faults: list[ImportFault]


class ImportReply(BaseModel):
    data: ImportSummary


_RESULT = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "integer"}, "data": {"type": "object"}, "error": PROBLEM},
}
_RESULTS = {"type": "array", "items": _RESULT}
BULK_REPLY = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "object",
            "required": ["done", "refused", "add", "remove"],
            "properties": {
                "done": {"type": "integer"},
                "refused": {"type": "integer"},
                "add": _RESULTS,
                "remove": _RESULTS,
            },
        }
    },
}
