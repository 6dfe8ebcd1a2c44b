"""AlterUserScramCredentials (KIP-554), which aiokafka does not speak: passwords go to Kafka salted and hashed."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

MECHANISMS = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
ITERATIONS = 8192
API_KEY = 51
TEXT = CompactString("utf-8")
ScramUser = tuple[str, int, int, bytes, bytes, dict[int, bytes]]


def scram_user(name: str, password: str, mechanism: str) -> ScramUser:
    """What Kafka keeps of a user: the password salted as RFC 5802 has it. Raises KeyError for another mechanism."""
    number, digest = MECHANISMS[mechanism]
    salt = secrets.token_bytes(24)
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, ITERATIONS)
    return name, number, ITERATIONS, salt, salted, {}


class ScramUsersResponse(Response):  # type: ignore[misc]
    API_KEY = API_KEY
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(("user", TEXT), ("error_code", Int16), ("error_message", TEXT), ("tags", TaggedFields)),
        ),
        ("tags", TaggedFields),
    )


class ScramUsersStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = API_KEY
    API_VERSION = 0
    RESPONSE_TYPE = ScramUsersResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", TEXT), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", TEXT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class ScramUsersRequest(Request[ScramUsersStruct]):  # type: ignore[misc]
    API_KEY = API_KEY

    def __init__(self, users: list[ScramUser]) -> None:
        self._users = users

    def build(self, request_struct_class: Any) -> ScramUsersStruct:
        built: ScramUsersStruct = request_struct_class([], self._users, {})
        return built
