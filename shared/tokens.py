"""Identifiers, API keys and cursors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY_PREFIX = "ph_live_"
SMTP_PREFIX = "ph_smtp_"
SMTP_USER_CHARS = 20
RANDOM_CHARS, CHECK_CHARS = 30, 6
RANDOM_BYTES, DRAWN_AT_ONCE = 8, 256
NUMBERS_BEGAN_MS = 1_577_836_800_000
CLOCK_SET_BACK = 10_000 << 12
_drawn: list[int] = []
_ticks = 0
_ticking = threading.Lock()


def uuid7() -> str:
    """A UUIDv7 (RFC 9562 section 5.7), above every one that this process made before.

    48 bits of milliseconds, 12 of their fraction (section 6.2, method 3) and 62 random ones.
    """
    ticks = _next_tick()
    high, low = f"{ticks >> 12:012x}", f"{_random_64_bits() >> 2 | 1 << 63:016x}"
    return f"{high[:8]}-{high[8:]}-7{ticks & 0xFFF:03x}-{low[:4]}-{low[4:]}"


def _next_tick() -> int:
    """Milliseconds << 12 with their fraction; a clock that was set back by seconds is followed, by less is not."""
    global _ticks
    now = (time.time_ns() << 12) // 1_000_000
    with _ticking:
        _ticks = now if now > _ticks or _ticks - now > CLOCK_SET_BACK else _ticks + 1
        return _ticks


def _random_64_bits() -> int:
    """The system is asked for many at once, as each call of it takes microseconds; threads may ask together."""
    try:
        return _drawn.pop()
    except IndexError:
        first: int
        first, *others = struct.unpack(f"{DRAWN_AT_ONCE}Q", os.urandom(RANDOM_BYTES * DRAWN_AT_ONCE))
        _drawn.extend(others)
        return first


def numbers() -> Iterator[int]:
    """Rising integers below 2^53, which JavaScript holds exactly: 41 bits of milliseconds since 2020, 12 of a counter.

    Two processes may draw the same one: whoever stores it tells, and draws anew.
    """
    last = 0
    while True:
        now = ((time.time_ns() // 1_000_000 - NUMBERS_BEGAN_MS) << 12) | secrets.randbelow(1 << 8) << 4
        last = max(last + 1, now)
        yield last


def time_of_number(number: int) -> datetime:
    """When a number of `numbers` was drawn."""
    return datetime.fromtimestamp(((number >> 12) + NUMBERS_BEGAN_MS) / 1000, UTC)


def made_at(id_: str) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((uuid.UUID(id_).int >> 80) / 1000, UTC)


def first_id(moment: datetime, later: timedelta = timedelta(0)) -> str:
    """The least UUIDv7 of a millisecond, `later` than the moment, which may be the first or the last that there is."""
    digits = f"{max(0, round((moment.timestamp() + later.total_seconds()) * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def new_api_key() -> str:
    """`ph_live_`, 30 random characters (178 bits) and a checksum that shows a typing error without a look-up."""
    return _secret(KEY_PREFIX)


def is_api_key(key: str) -> bool:
    """True where the form and the checksum are right; whether it is anybody's key is another question."""
    body, check = key[:-CHECK_CHARS], key[-CHECK_CHARS:]
    return (
        key.isascii()
        and key.startswith(KEY_PREFIX)
        and len(key) == len(KEY_PREFIX) + RANDOM_CHARS + CHECK_CHARS
        and hmac.compare_digest(_check(body), check)
    )


def new_smtp_user() -> str:
    """20 random letters and digits in lower case: user names may be compared and copied without regard to case."""
    return "".join(secrets.choice(BASE36) for _ in range(SMTP_USER_CHARS))


def new_smtp_password() -> str:
    """`ph_smtp_`, 30 random characters (178 bits) and a checksum, as secret scanners look for them."""
    return _secret(SMTP_PREFIX)


def _secret(prefix: str) -> str:
    body = prefix + "".join(secrets.choice(BASE62) for _ in range(RANDOM_CHARS))
    return body + _check(body)


def _check(body: str) -> str:
    number = zlib.crc32(body.encode(errors="replace"))
    digits = ""
    for _ in range(CHECK_CHARS):
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return digits


class InvalidCursorError(ValueError):
    """A cursor that we did not make, or that was made for another query."""


class Cursors:
    """Opaque page cursors: signed, and bound to the workspace and the filters that they were made for."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, position: list[Any], query: str) -> str:
        body = orjson.dumps(position)
        return base64.urlsafe_b64encode(self._tag(body, query) + body).decode().rstrip("=")

    def read(self, cursor: str, query: str) -> list[Any]:
        """The position of a cursor made for the same query; raises InvalidCursorError."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise InvalidCursorError("not a cursor") from error
        tag, body = raw[:8], raw[8:]
        if not hmac.compare_digest(tag, self._tag(body, query)):
            raise InvalidCursorError("not a cursor of this query")
        position: list[Any] = orjson.loads(body)
        return position

    def _tag(self, body: bytes, query: str) -> bytes:
        return hmac.new(self._key, query.encode() + b"\0" + body, hashlib.sha256).digest()[:8]
