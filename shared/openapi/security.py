"""Who may call a route, as the OpenAPI document says it."""

from __future__ import annotations

from typing import Any

from fastapi import Security
from fastapi.security import HTTPBearer

API_KEY = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="ph_live_…",
    description="An API key of a workspace. An operation names the scope that the key must have.",
    auto_error=False,
)
OPERATOR_TOKEN = HTTPBearer(
    scheme_name="OperatorToken",
    description="The operator's token, a setting of the platform. No key of a workspace stands in for it.",
    auto_error=False,
)


def key_with(scope: str) -> Any:
    """A FastAPI default that says that a key with the scope is needed; it checks nothing."""
    return Security(API_KEY, scopes=[scope])


def operator_token() -> Any:
    """A FastAPI default that says that the operator's token is needed, or serves too; it checks nothing."""
    return Security(OPERATOR_TOKEN)


def needs(scope: str) -> dict[str, Any]:
    """The part of an operation that says that a key with the scope is needed, where no dependency does."""
    return {"security": [{API_KEY.scheme_name: [scope]}]}
