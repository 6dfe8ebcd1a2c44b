"""What callers write of erasures, and what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.suppression.erasing.certificate import State
from shared.openapi.operations import BODY, Described, body_of, replies

Email = Annotated[str, Field(max_length=1000, description="the person's address")]
Words = Annotated[
    str | None, Field(min_length=1, max_length=500, description="why, kept for good: a case number, and no name")
]


class NewErasure(BaseModel):
    """The erasure of all that is held of an address."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    reason: Words = None


class ServiceView(BaseModel):
    """What a service did: `counts` is what of each kind it has redacted or deleted."""

    service: str
    began_at: AwareDatetime
    confirmed_at: AwareDatetime
    counts: dict[str, int]


class ErasureView(BaseModel):
    """A certificate. Its `state` is `running` while services are waited for, `redacted` when all have confirmed, and
    `final` from `topics_until` on, when Kafka does not hold the person any more."""

    id: str
    state: State
    scope: str
    address_hmac: str
    reason: str | None
    requested_by: str
    requested_at: AwareDatetime
    services: list[ServiceView]
    waiting_for: list[str]
    redacted_at: AwareDatetime | None
    topics_until: AwareDatetime | None


class ErasurePage(BaseModel):
    data: list[ErasureView]
    has_more: bool
    next_cursor: str | None


BODY_OF_ERASURE = body_of(NewErasure, {"email": "ann@example.com", "reason": "case 4711"})


def erasures(*statuses: int) -> Described:
    return replies(200, ErasurePage, "A page, newest first", *statuses, 422)


def asked(*statuses: int) -> Described:
    return replies(202, ErasureView, "Every service was asked", *statuses, *BODY)


def certificate(*statuses: int) -> Described:
    return replies(200, ErasureView, "The certificate", *statuses, 404)
