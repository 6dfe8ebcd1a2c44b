"""The name of a destination: what shares connection slots."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from shared.contracts.messages import Message


class Destination(NamedTuple):
    """A transport, the rollup of the recipient's MX hosts, and the source address that is dialled from.

    `domain` is set for a domain that has limits of its own; `source` is None for a transport without sources. As text
    it is `transport|rollup[/domain][|source]`.
    """

    transport: str
    rollup: str
    domain: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        domain = f"/{self.domain}" if self.domain else ""
        source = f"|{self.source}" if self.source else ""
        return f"{self.transport}|{self.rollup}{domain}{source}"

    @property
    def provider(self) -> str:
        """The provider's id, else the kind of rollup (`mx`, `d`, `static`, `smarthost`): there are few of them."""
        return provider_of(self.rollup)


@lru_cache(maxsize=16_384)
def parse(text: str) -> Destination:
    """The destination that `str` made the text of."""
    transport, _, rest = text.partition("|")
    place, _, source = rest.partition("|")
    rollup, _, domain = place.partition("/")
    return Destination(transport, rollup, domain or None, source or None)


def provider_of(rollup: str) -> str:
    """See `Destination.provider`."""
    kind, colon, _ = rollup.partition(":")
    return kind if colon else rollup


def route_of(message: Message) -> tuple[str, str]:
    """The transport and the rollup of a message that has a route."""
    assert message.route is not None
    return message.route.transport, message.route.rollup
