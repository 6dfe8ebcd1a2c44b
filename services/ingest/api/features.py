"""What a workspace may use."""

from __future__ import annotations

from typing import Any

from fastapi import Depends

from shared.auth import Authenticator, Principal, caller
from shared.errors import ProblemError


def require_feature(principal: Principal, feature: str) -> None:
    """Raises a 403 problem, with the members that callers of such APIs look for, where the workspace lacks it."""
    if feature not in principal.workspace.features:
        raise ProblemError(
            403,
            "upgrade_needed",
            f"This workspace has no access to {feature.partition('.')[0]}.",
            members={"error": "upgrade_needed", "feature": feature},
        )


def caller_with(authenticator: Authenticator, scope: str, feature: str) -> Any:
    """As `caller`, with the workspace's feature as the last of the gates."""
    allowed: Principal = caller(authenticator, scope)

    async def dependency(principal: Principal = allowed) -> Principal:
        require_feature(principal, feature)
        return principal

    return Depends(dependency)
