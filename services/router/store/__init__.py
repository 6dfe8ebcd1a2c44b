"""The service's collections: transports and rule sets, which it owns, and its copy of workspaces."""

from __future__ import annotations

from pymongo import IndexModel

from services.router.health.store import INDEXES as HEALTH
from services.router.store import rule_sets

INDEXES: dict[str, tuple[IndexModel, ...]] = {**rule_sets.INDEXES, **HEALTH}
