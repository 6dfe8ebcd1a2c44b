"""The console's paths: who may ask for them, and which object of a workspace each of their names stands for."""

from __future__ import annotations

from collections.abc import Mapping

OPEN = frozenset({"/console/sign-in", "/console/assets/{path:path}"})
ANYBODY = frozenset({("GET", "/console/start"), ("POST", "/console/sign-out"), ("POST", "/console/theme")})
"""What every session opens, whatever its scopes."""
MESSAGE = {"id": "message"}
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    **{
        f"/console/messages/{{id}}{part}": MESSAGE
        for part in ("", "/live", "/content", "/preview", "/cancel", "/resend")
    },
}
"""By path: the names of an estate's values that stand for the parameters."""
QUERIES: Mapping[str, str] = {"/console/start/live": "?since=2030-01-01T00:00:00Z"}
"""What a path cannot be asked for without."""
