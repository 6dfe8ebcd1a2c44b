"""Makes Kafka's users (SCRAM) and their ACLs what they should be, as an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from services.access.acls import Acl
from services.access.scram import ScramUsersRequest, scram_user
from shared.connections import ConnectionSettings
from shared.kafka.security import client_arguments

# Numbers of Kafka's protocol: org.apache.kafka.common.{resource.ResourceType,acl.AclOperation}.
KINDS = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Alter": 7, "Describe": 8, "DescribeConfigs": 10}
ANY, LITERAL, ALLOW = 1, 3, 3


@dataclass(frozen=True)
class Changed:
    """How many ACLs were made and how many, which nothing asks for any more, were taken away."""

    made: int
    removed: int


async def apply(settings: ConnectionSettings, wanted: dict[str, list[Acl]], passwords: dict[str, str]) -> Changed:
    """Each user gets its password, if there is one for it, and exactly these ACLs. Raises KafkaError, OSError."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await admin.start()
        if passwords:
            await _set_passwords(admin, settings.kafka_sasl_mechanism, passwords)
        made = removed = 0
        for user, acls in wanted.items():
            there = await _allowed(admin, user)
            missing, surplus = set(acls) - there, there - set(acls)
            for acl in sorted(missing):
                await _ask(admin, CreateAclsRequest(*_binding(acl, user)))
            for acl in sorted(surplus):
                await _ask(admin, DeleteAclsRequest(*_binding(acl, user)))
            made, removed = made + len(missing), removed + len(surplus)
        return Changed(made, removed)
    finally:
        await admin.close()


async def _set_passwords(admin: AIOKafkaAdminClient, mechanism: str, passwords: dict[str, str]) -> None:
    users = [scram_user(name, password, mechanism) for name, password in passwords.items()]
    answer = await admin._send_request(ScramUsersRequest(users))
    for user, code, message, *_ in answer.results:
        _check(code, f"{user}: {message}")


async def _allowed(admin: AIOKafkaAdminClient, user: str) -> set[Acl]:
    """What a user is allowed of topics and groups, by its own name."""
    kinds, operations = ({number: name for name, number in names.items()} for names in (KINDS, OPERATIONS))
    found: set[Acl] = set()
    answer = await admin._send_request(DescribeAclsRequest(ANY, None, ANY, f"User:{user}", None, ANY, ANY))
    _check(answer.error_code, answer.error_message)
    for kind, name, pattern, acls in answer.resources:
        for _, _, operation, permission in acls:
            if kind in kinds and pattern == LITERAL and permission == ALLOW and operation in operations:
                found.add(Acl(kinds[kind], name, operations[operation]))
    return found


def _binding(acl: Acl, user: str) -> tuple[Any, ...]:
    return KINDS[acl.kind], acl.name, LITERAL, f"User:{user}", "*", OPERATIONS[acl.operation], ALLOW


async def _ask(admin: AIOKafkaAdminClient, request: Any) -> None:
    answer = await admin._send_request(request)
    made = isinstance(request, CreateAclsRequest)
    for code, message, *_ in answer.creation_responses if made else answer.filter_responses:
        _check(code, message)


def _check(code: int, message: str | None) -> None:
    if code:
        raise for_code(code)(message)
