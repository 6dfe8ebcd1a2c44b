"""The request bodies of keys, credentials and workspaces."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.ingest.accounts.workspaces import EVERY_FEATURE
from services.ingest.api.operations import Moment
from shared.addresses import InvalidAddressError, domain_of, parse_address
from shared.auth import WORKSPACE_SCOPES
from shared.client_address import parse_network

LONGEST_GRACE = 30 * 86_400
MOST_MESSAGE_BYTES = 1024 * 1024 * 1024
CONTROL = r"^[^\x00-\x1f\x7f]*$"


def _one_of(known: Collection[str], what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            raise PydanticCustomError("invalid_choice", f"This is no {what}; there are {', '.join(known)}")
        return value

    return check


def _network(value: str) -> str:
    try:
        return str(parse_network(value))
    except ValueError as error:
        raise PydanticCustomError(
            "invalid_network", "Not an address or a network (CIDR) such as 192.0.2.0/24"
        ) from error


def _address(value: str) -> str:
    try:
        return parse_address(value)
    except InvalidAddressError as error:
        raise PydanticCustomError("invalid_address", "This {fault}", {"fault": str(error)}) from error


def _domain(value: str) -> str:
    try:
        return domain_of(parse_address(f"postmaster@{value}"))
    except InvalidAddressError as error:
        raise PydanticCustomError("invalid_domain", "Not a domain name") from error


def _future(value: datetime) -> datetime:
    if value <= datetime.now(UTC):
        raise PydanticCustomError("in_the_past", "This time is past")
    return value


def _once_each(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


Name = Annotated[str, Field(min_length=1, max_length=100, pattern=CONTROL)]
Address = Annotated[str, Field(max_length=320), AfterValidator(_address)]
Stream = Literal["authentication", "security", "billing", "product"]
PerMinute = Annotated[int, Field(ge=1, le=100_000_000, description="requests a minute")]
Expiry = Annotated[Moment, AfterValidator(_future)]
Scope = Annotated[
    str, AfterValidator(_one_of(WORKSPACE_SCOPES, "scope")), Field(json_schema_extra={"enum": list(WORKSPACE_SCOPES)})
]
Feature = Annotated[
    str, AfterValidator(_one_of(EVERY_FEATURE, "feature")), Field(json_schema_extra={"enum": list(EVERY_FEATURE)})
]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=20), AfterValidator(_once_each)]
Features = Annotated[list[Feature], Field(max_length=20), AfterValidator(_once_each)]
Network = Annotated[str, Field(max_length=64), AfterValidator(_network)]
Networks = Annotated[list[Network], Field(max_length=100), AfterValidator(_once_each)]
Domain = Annotated[str, Field(max_length=253), AfterValidator(_domain)]
Domains = Annotated[list[Domain], Field(max_length=100), AfterValidator(_once_each)]
Tracking = Annotated[list[Literal["opens", "clicks"]], Field(max_length=2), AfterValidator(_once_each)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """The fields that stand in the request."""
        return self.model_dump(exclude_unset=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Changed(Body):
    """Fields to change: what is not given stays, so that no default is told."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class KeyBody(Body):
    """A new key. `allowed_ips` and `domains` bind it to networks (CIDR) and to sending domains; none means any."""

    name: Name
    scopes: Scopes
    expires_at: Expiry | None = None
    allowed_ips: Networks = []
    domains: Domains = []
    default_stream: Stream | None = None
    rate_limit: PerMinute | None = None


class KeyChanges(Changed):
    """The fields of a key to change; what is not given stays."""

    name: Name = ""
    scopes: Scopes = []
    expires_at: Expiry | None = None
    allowed_ips: Networks = []
    domains: Domains = []
    default_stream: Stream | None = None
    rate_limit: PerMinute | None = None


class Rotation(Body):
    """How long the text before still works: a day where nothing is said, 0 for a key that has leaked."""

    grace_seconds: int = Field(86_400, ge=0, le=LONGEST_GRACE)


class CredentialBody(Body):
    """A new SMTP credential; user name and password are drawn at random."""

    name: Name


class WorkspaceSettings(Body):
    """What is set of a workspace."""

    owner_verified: bool = False
    features: Features = []
    default_sender: Address | None = None
    default_stream: Stream = "product"
    default_tracking: Tracking = []
    max_recipients: int = Field(50, ge=1, le=1000)
    max_domains: int = Field(100, ge=0, le=10_000)
    max_message_bytes: int = Field(25 * 1024 * 1024, ge=1024, le=MOST_MESSAGE_BYTES)
    smtputf8: bool = False
    rate_limit: PerMinute | None = None
    daily_quota: int | None = Field(None, ge=0, le=10**12, description="recipients a day (UTC)")
    complaints_spare_critical: bool = Field(
        False, description="send authentication and security mail to who complained about other mail"
    )
    keep_content: bool = Field(True, description="false: what messages say goes when they have ended, and is not shown")


class WorkspaceBody(WorkspaceSettings):
    """A new workspace."""

    name: Name
    owner_email: Address


class WorkspaceChanges(WorkspaceSettings, Changed):
    """The fields of a workspace to change; what is not given stays. A key may change the three defaults and
    `keep_content` alone."""

    name: Name = ""
    owner_email: Address = ""


OWN_SETTINGS = frozenset(
    {"default_sender", "default_stream", "default_tracking", "complaints_spare_critical", "keep_content"}
)
