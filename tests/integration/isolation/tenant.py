"""One of the two workspaces."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


@dataclass
class Tenant:
    """A workspace, a key of it with every scope, and the values that name its objects. `secret` stands in every text
    that its objects hold."""

    workspace: str
    key: str
    secret: str = field(default_factory=lambda: secrets.token_hex(8))
    values: dict[str, str] = field(default_factory=dict)
