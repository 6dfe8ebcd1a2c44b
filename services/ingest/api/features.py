"""What a workspace may use."""

from __future__ import annotations

from typing import Any

from fastapi import Depends

from shared.auth import Authenticator, Principal, caller


def caller_with(authenticator: Authenticator, scope: str, feature: str) -> Any:
    """As `caller`, with the workspace's feature as the last of the gates."""
    allowed: Principal = caller(authenticator, scope)

    async def dependency(principal: Principal = allowed) -> Principal:
        principal.require_feature(feature)
        return principal

    return Depends(dependency)
