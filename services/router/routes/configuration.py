"""What this service knows when it decides: rule sets and the transports that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.router.routes.matching import Rules
from shared.contracts.messages import Host, TlsMode

DIRECT = "direct"
LAST_ORDER = (DIRECT,)
"""The failover order where neither the workspace nor the platform has set one."""

Kind = Literal["direct", "smarthost"]


@dataclass(frozen=True, slots=True)
class Way:
    """A transport as a route needs it; `host` is a smart host's. `weight` is its share of a tier that names none."""

    id: str
    version: int
    name: str
    kind: Kind
    tls: TlsMode
    enabled: bool
    host: Host | None = None
    weight: int = 100

    def __hash__(self) -> int:
        return hash((self.id, self.version))

    def rollup(self, of_recipient: str | None) -> str | None:
        """The name under which its connections share limits and health: a smart host's own, else the recipient's."""
        return of_recipient if self.kind == "direct" else f"smarthost:{self.id}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is known for one workspace; `ways` are the transports that it may use. A version of 0 says that there is
    none here yet."""

    workspace_version: int
    ways: Mapping[str, Way]
    workspace: Rules = field(default_factory=Rules)
    platform: Rules = field(default_factory=Rules)
