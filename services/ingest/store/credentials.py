"""The indexes of SMTP credentials: found by digest, and user names unique over the platform, revoked ones included."""

from __future__ import annotations

from pymongo import IndexModel

from shared.contracts.entities import Kind

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    Kind.SMTP_CREDENTIAL: (IndexModel("data.digest", unique=True), IndexModel("data.user", unique=True)),
}
