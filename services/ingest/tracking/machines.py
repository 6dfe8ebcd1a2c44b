"""Which hits are machines' and not a reader's: they are told apart, never dropped. Pure.

The table holds what senders of such requests say of themselves: the image proxies of Gmail and Yahoo by their names in
`User-Agent`, Apple's Mail Privacy Protection by a `User-Agent` of `Mozilla/5.0` alone, and prefetches by `Sec-Purpose`
(Fetch Standard, section 3.8) and the names that it had before. Scanners that pose as browsers are known by their haste.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

PREFETCH, PROXY, SCANNER = "prefetch", "proxy", "scanner"

_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_ADVANCE = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_AGENTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"GoogleImageProxy|YahooMailProxy", PROXY),
        (r"^\s*Mozilla/5\.0\s*$", PROXY),
        (r"barracuda|proofpoint|mimecast|forcepoint|symantec|trend ?micro|bitdefender", SCANNER),
        (
            r"(?<!cu)bot\b|crawler|spider|\bscan|headless|facebookexternalhit|urlpreview",
            SCANNER,
        ),  # Cubots are telephones
        (r"^(curl|wget|python|go-http-client|java|libwww-perl|ruby|axios|node)\b", SCANNER),
        (r"^\s*$", SCANNER),
    )
)


def machine_of(headers: Mapping[str, str]) -> str | None:
    """Why a request is a machine's (`prefetch`, `proxy`, `scanner`), by its header fields alone; None where it may be a
    reader's. `headers` has lower-case names."""
    if any(_ADVANCE.search(headers.get(name, "")) for name in _PURPOSES):
        return PREFETCH
    agent = headers.get("user-agent", "")
    return next((reason for pattern, reason in _AGENTS if pattern.search(agent)), None)


def is_hasty(at: datetime, handed_over: datetime | None, accepted: datetime, seconds: float) -> bool:
    """Whether a hit comes too soon for a reader: less than `seconds` after the message was handed over, or after it was
    accepted where nothing is known of that yet."""
    return at - (handed_over or accepted) < timedelta(seconds=seconds)
