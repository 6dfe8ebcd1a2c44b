"""The keys: each its own, and none that anybody could guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from services.doctor.findings import Finding

FEWEST_BYTES = 12
"""Different ones among 32 random bytes: fewer come up once in more than 10^12 keys."""
FIX = "Make a new one with `openssl rand -base64 32`, following the key rotation in operations.md."


def judge(keys: Mapping[str, bytes]) -> Iterator[Finding]:
    """`keys` are their bytes by the settings' names."""
    for name, key in keys.items():
        if len(set(key)) < FEWEST_BYTES:
            yield Finding(name, "is no random key", FIX)
    for (one, first), (other, second) in combinations(keys.items(), 2):
        if first == second:
            yield Finding(other, f"is the same key as {one}: who learns the one has the other", FIX)
