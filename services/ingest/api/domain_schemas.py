"""What the OpenAPI document says of domains and their addresses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

from services.ingest.api.operations import GATES
from services.ingest.domains.records import Purpose
from services.ingest.domains.standing import Status, Verification
from shared.contracts.entities import KeyState
from shared.openapi.operations import Described, json_body, replies, schema_of

CONFLICT = "The domain keeps changing, or too many of its replaced keys are still to be published"


class DnsRecord(BaseModel):
    """A record to publish, and what the last look showed. Without a `required` one the domain is not verified."""

    type: Literal["TXT", "CNAME"]
    name: str
    value: str
    is_valid: bool
    purpose: Purpose
    required: bool
    selector: str | None
    found: list[str]
    problem: str | None
    warning: str | None


class DkimKey(BaseModel):
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    state: KeyState
    since: AwareDatetime | None


class DomainObject(BaseModel):
    uuid: str
    name: str
    domain: str
    verified: bool
    provider: Literal["leadpush"]
    status: Status
    verification: Verification
    mail_from_domain: str
    mail_from_verified: bool
    dns: list[DnsRecord]
    dkim: list[DkimKey]
    dkim_ed25519: bool
    rotating: bool
    declared: bool
    tracking_subdomain: str | None
    tracking_mode: Literal["direct", "cloudflare"] | None
    warnings: list[str]
    lost_since: AwareDatetime | None
    checked_at: AwareDatetime | None
    next_check_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AddressObject(BaseModel):
    uuid: str
    domain_uuid: str
    address: str
    full_address: str
    provider: Literal["leadpush"]
    display_name: str
    reply_to: str | None
    company_address: str | None
    company_address_2: str | None
    company_city: str | None
    company_state: str | None
    company_zip: str | None
    company_country: str | None
    verification: Verification
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Meta(BaseModel):
    """Where in the list a page is."""

    current_page: int
    per_page: int
    total: int
    last_page: int
    has_next: bool


class DomainReply(BaseModel):
    data: DomainObject


class DomainList(BaseModel):
    data: list[DomainObject]
    meta: Meta


class AddressReply(BaseModel):
    data: AddressObject


class AddressList(BaseModel):
    data: list[AddressObject]
    meta: Meta


def operation(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI operation of a route that reads its body itself."""
    schema = schema_of(model)
    return {"requestBody": json_body(schema, schema.pop("example"))}


def responses(status: int, model: type[BaseModel] | None, text: str, *problems: int) -> Described:
    """The route's success and its problems, beside those of every route."""
    return replies(status, model, text, *GATES, *problems, _409=CONFLICT)
