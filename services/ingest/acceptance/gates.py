"""What a workspace must have before anything is sent for it."""

from __future__ import annotations

from shared.auth import Principal
from shared.errors import ProblemError

FEATURE = "smtp.enabled"


def require_sending(principal: Principal) -> None:
    """The workspace's own gates; raises a 403 problem with the members that callers of such APIs look for."""
    principal.require_feature(FEATURE)
    if not principal.workspace.owner_verified:
        raise ProblemError(
            403,
            "email_verification_required",
            "The address of the workspace's owner has to be verified before anything is sent.",
            members={"error": "email_verification_required"},
        )
