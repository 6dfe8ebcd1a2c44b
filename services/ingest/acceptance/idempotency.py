"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): what a key is, and what its holder means for a request.

A key stands in the submission document of the request that holds it, so that a key, its messages and its reply can
never disagree. Keys are a workspace's, over all doors.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from services.ingest.acceptance.send_request import SendRequest
from services.ingest.store.uploads import File
from shared.content import Blob
from shared.errors import ProblemError

KEY = re.compile(r"[\x21-\x7e]{1,255}")
PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def read_key(values: list[str], allowed: re.Pattern[str] = KEY) -> str | None:
    """The key of the `Idempotency-Key` headers, quoted (RFC 8941 section 3.3.3) or not; raises a 400 problem."""
    if not values:
        return None
    text = values[0].strip()
    quoted = QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(values) > 1 or not allowed.fullmatch(key) or (text[:1] == '"' and not quoted):
        kind = "visible" if allowed is KEY else "printable"
        raise ProblemError(
            400, "invalid_idempotency_key", f"Idempotency-Key must be one key of 1 to 255 {kind} ASCII characters."
        )
    return key


def digest_of(request: SendRequest, uploaded: Sequence[File] = (), door: str = "") -> bytes:
    """SHA-256 of what was asked for and by which door, whatever the order of its fields or its spaces; of files their
    own digests."""
    asked = {"door": door, **request.model_dump(exclude_none=True)}
    if uploaded:
        asked["uploaded"] = [
            [file.filename, file.content_type, file.data.digest] for file in uploaded if isinstance(file.data, Blob)
        ]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()


def stored_reply(holder: Mapping[str, Any], digest: bytes, now: datetime) -> bytes | None:
    """The reply to give again, or None where the key has ended; raises a 422 problem for another request's key."""
    if holder["key_until"] <= now:
        return None
    if not hmac.compare_digest(bytes(holder["digest"]), digest):
        raise ProblemError(
            422, "idempotency_key_reused", "This Idempotency-Key was used for another request in the last hours."
        )
    return bytes(holder["reply"])


def still_running() -> ProblemError:
    """409 with Retry-After: another request with this key has not become visible in time."""
    return ProblemError(
        409,
        "idempotency_key_in_use",
        "Another request with this Idempotency-Key is under way; please try again.",
        headers={"Retry-After": "1"},
    )
