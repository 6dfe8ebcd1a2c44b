"""The read model: messages and their events."""

from __future__ import annotations

from pymongo import IndexModel

INDEXES: dict[str, tuple[IndexModel, ...]] = {}
