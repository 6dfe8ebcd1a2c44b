"""What the OpenAPI document says of domains and their addresses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

from services.ingest.api.schemas import PROBLEM
from services.ingest.domains.records import Purpose
from services.ingest.domains.standing import Status, Verification
from shared.contracts.entities import KeyState


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


PROBLEMS = {
    401: "No key, an unknown one, or one that has expired",
    403: "The key lacks the scope, or the workspace may not (`error`: `upgrade_needed` or `limit_exceeded`, with the "
    "`feature`)",
    404: "No such domain or address in the key's workspace",
    409: "The domain keeps changing, or too many of its replaced keys are still to be published",
    413: "Too large",
    415: "Not application/json",
    422: "Faults in the request, all of them",
    503: "The database cannot be reached; try again",
}
GATES = (401, 403, 503)
BODY = (413, 415, 422)


def operation(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI operation of a route that reads its body itself."""
    schema = model.model_json_schema()
    example = schema.pop("example")
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def responses(status: int, model: type[BaseModel] | None, text: str, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The route's success and its problems, beside those of every route."""
    success = {"description": text, **({"model": model} if model else {})}
    told: dict[int | str, dict[str, Any]] = {
        code: {"description": PROBLEMS[code], "content": {"application/problem+json": {"schema": PROBLEM}}}
        for code in (*GATES, *problems)
    }
    return {status: success, **told}
