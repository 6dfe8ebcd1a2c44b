"""Names that a workspace gives: domains, DKIM selectors, tracking labels."""

from __future__ import annotations

import re
from collections.abc import Collection

from shared.addresses import InvalidAddressError, domain_of, parse_address

MAX_DOMAIN = 230  # leaves room for `<selector>._domainkey.` (RFC 1035 section 2.3.4: 253 in all)
MAX_SELECTOR = 10
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NUMBERED = re.compile(r"ph(\d{1,8})")
# Below a country's domain these are registries' own; ownership of such a name could not be proven, but it can be told.
REGISTRY_LABELS = frozenset(
    {"ac", "co", "com", "edu", "gob", "gouv", "gov", "ltd", "mil", "ne", "net", "nom", "or", "org", "plc", "sch"}
)


class InvalidNameError(ValueError):
    """What is wrong with a name, in words for its sender."""


def parse_domain(text: str) -> str:
    """The domain's lower-case A-label name (RFC 5890 section 2.3.2.1); raises InvalidNameError."""
    given = text.strip().removesuffix(".")
    if not given or "@" in given or "." not in given:
        raise InvalidNameError("is not a domain name such as `mail.acme.com`")
    try:
        name = domain_of(parse_address(f"a@{given}"))
    except InvalidAddressError as error:
        raise InvalidNameError("is not a domain name that mail can be sent from") from error
    if len(name) > MAX_DOMAIN:
        raise InvalidNameError(f"is longer than {MAX_DOMAIN} characters")
    first, _, rest = name.partition(".")
    if first in REGISTRY_LABELS and len(rest) == 2:
        raise InvalidNameError("is a registry's, under which others have their domains")
    return name


def parse_label(text: str, longest: int = 63) -> str:
    """One lower-case DNS label (RFC 1123 section 2.1); raises InvalidNameError."""
    label = text.lower()
    if len(label) > longest:
        raise InvalidNameError(f"is longer than {longest} characters")
    if not LABEL.fullmatch(label):
        raise InvalidNameError("is not one DNS label: letters, digits and inner hyphens")
    return label


def next_selector(taken: Collection[str]) -> str:
    """`ph<n>`, one above every number that was ever taken: receivers may still know an old one's key."""
    numbers = [int(match[1]) for match in map(NUMBERED.fullmatch, taken) if match]
    return f"ph{max(numbers, default=0) + 1}"
