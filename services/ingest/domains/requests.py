"""What callers write about domains and addresses, every fault named by its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.ingest.domains.names import MAX_SELECTOR, InvalidNameError, parse_domain, parse_label
from shared.addresses import CONTROL, InvalidAddressError, parse_address
from shared.errors import Fault

MOST_SELECTORS = 4
RESERVED_LABELS = ("bounce",)


def _named(parse: Callable[[str], str], code: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return parse(text)
        except (InvalidNameError, InvalidAddressError) as error:
            raise PydanticCustomError(code, "{reason}", {"reason": f"This {error}"}) from error

    return AfterValidator(check)


def _printable(text: str) -> str:
    if CONTROL.search(text) or not text.strip():
        raise PydanticCustomError("invalid_text", "This is empty or has control characters")
    return text.strip()


def _local_part(text: str) -> str:
    if "@" in text:
        raise PydanticCustomError("local_part_only", "This is to be the part before the @ alone")
    return text.strip()


DomainName = Annotated[str, Field(min_length=1, max_length=255), _named(parse_domain, "invalid_domain")]
Selector = Annotated[str, _named(lambda text: parse_label(text, MAX_SELECTOR), "invalid_selector")]
Label = Annotated[str, _named(parse_label, "invalid_label")]
Text = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
Address = Annotated[str, Field(min_length=1, max_length=320), _named(parse_address, "invalid_address")]
LocalPart = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_local_part)]


class NewDomain(BaseModel):
    """A domain to send from. `tracking_subdomain` is one DNS label; `tracking_mode` needs it.

    With `dkim_ed25519` its mail is signed with a second key, of Ed25519 (RFC 8463), beside the RSA key.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "mail.acme.com", "dkim_selectors": ["ph1"], "tracking_subdomain": "go"}},
    )

    name: DomainName
    dkim_selectors: list[Selector] | None = Field(None, max_length=MOST_SELECTORS)
    dkim_ed25519: bool = False
    tracking_subdomain: Label | None = None
    tracking_mode: Literal["direct", "cloudflare"] | None = None

    def faults(self) -> list[Fault]:
        """What is wrong with the fields together."""
        faults = []
        if self.tracking_mode and not self.tracking_subdomain:
            faults.append(Fault("#/tracking_mode", "needs_subdomain", "This needs a tracking_subdomain."))
        if self.tracking_subdomain in RESERVED_LABELS:
            faults.append(Fault("#/tracking_subdomain", "reserved", "This name is the return path's."))
        selectors = self.dkim_selectors or []
        if len(set(selectors)) != len(selectors):
            faults.append(Fault("#/dkim_selectors", "duplicate", "A selector stands here twice."))
        return faults


class DomainChanges(BaseModel):
    """What can be changed of a domain: whether its mail is signed with a second key, of Ed25519 (RFC 8463)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"dkim_ed25519": True}})

    dkim_ed25519: bool


class NewAddress(BaseModel):
    """A sender address of a domain, with the postal address of the company that it belongs to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "address": "receipts",
                "display_name": "Acme Receipts",
                "reply_to": "help@acme.com",
                "company_address": "123 Main St",
                "company_city": "New York",
                "company_state": "NY",
                "company_zip": "10001",
                "company_country": "US",
            }
        },
    )

    address: LocalPart
    display_name: Text
    reply_to: Address
    company_address: Text
    company_address_2: Text | None = None
    company_city: Text
    company_state: Text
    company_zip: Text
    company_country: Text


class Page(BaseModel):
    """Which part of a list: pages are numbered from 1."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(25, ge=1, le=100)

    @property
    def skip(self) -> int:
        return (self.page - 1) * self.per_page


class DomainPage(Page):
    """`search` is a part of the name, in any case."""

    search: str | None = Field(None, max_length=255, pattern=r"^[^\x00-\x1f]*$")
