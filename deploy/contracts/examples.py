"""One record of each kind, as it travels."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.commands import Command, CommandType
from shared.contracts.entities import (
    ApiKey,
    DkimKeyPair,
    Domain,
    Endpoint,
    EntityChange,
    Kind,
    Sender,
    Transport,
    Workspace,
)
from shared.contracts.erasures import Erase, Erased
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import (
    Candidate,
    Host,
    Message,
    RecipientType,
    Route,
    Seen,
    TlsMode,
    Verdict,
    VerdictKind,
    Versions,
)
from shared.contracts.record import Record
from shared.contracts.stages import StageReport
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import Lane, Stream
from shared.contracts.webhooks import WebhookAttempt

AT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
WORKSPACE, MESSAGE = "0193a000-0000-7000-8000-000000000001", "0193a000-0000-7000-8000-0000000000a1"
HMAC = "9f" * 32
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DIRECT = "0193a000-0000-7000-8000-0000000000d1"

ROUTE = Route(
    transport=DIRECT,
    transport_version=1,
    kind="direct",
    hosts=[Host(name="mx1.inbox.example", preference=10)],
    tls=TlsMode.OPPORTUNISTIC,
    rollup="mx:inbox.example",
    mx="plain",
    rule="default",
    rule_version=0,
    candidates=[Candidate(transport=DIRECT, name="Direct", kind="direct", score=1.0, tier=0, weight=100)],
    decided_at=AT + timedelta(milliseconds=120),
)
A_MESSAGE = Message(
    message_id=MESSAGE,
    submission_id="0193a000-0000-7000-8000-0000000000b1",
    workspace_id=WORKSPACE,
    lane=Lane.CRITICAL,
    stream=Stream.AUTHENTICATION,
    recipient="ann@inbox.example",
    recipient_type=RecipientType.TO,
    sender="no-reply@shop.example",
    content_id="0193a000-0000-7000-8000-0000000000c1",
    size=1843,
    tags=["login"],
    metadata={"order": "A-17"},
    accepted_at=AT,
    expires_at=AT + timedelta(days=3),
    versions=Versions(workspace=3, domain=2, transport=1),
    seen=Seen(accepted=AT, published=AT + timedelta(milliseconds=60), routed=AT + timedelta(milliseconds=120)),
    route=ROUTE,
    verdict=Verdict(kind=VerdictKind.SEND, by="suppression", checked_at=AT + timedelta(milliseconds=180)),
    trace=TRACE,
)
MADE: tuple[Record, ...] = (
    A_MESSAGE,
    event_of(A_MESSAGE, EventType.DELIVERED, AT + timedelta(seconds=1), {"code": 250, "host": "mx1.inbox.example"}),
    Command(command_id="0193a000-0000-7000-8000-0000000000e1", type=CommandType.CANCEL, occurred_at=AT,
            message=A_MESSAGE.with_changes(route=None, verdict=None)),
    Erase(erasure_id="0193a000-0000-7000-8000-0000000000f1", address_hmac=HMAC, address="c2VhbGVk", occurred_at=AT),
    Erased(erasure_id="0193a000-0000-7000-8000-0000000000f1", service="sender", counts={"deliveries": 2}, began_at=AT,
           occurred_at=AT + timedelta(minutes=2)),
    WebhookAttempt(attempt_id="0193a000-0000-7000-8000-000000000101", message_id=MESSAGE, workspace_id=WORKSPACE,
                   event_id="8b0c9d4e-3f5f-5a57-9b1b-2f6f0d4f8c11", event_type="delivered", address_hmac=HMAC,
                   endpoint_id="0193a000-0000-7000-8000-000000000111", url="https://hooks.shop.example/mail",
                   attempt=1, status=200, ms=41, ok=True, occurred_at=AT),
    SuppressionChange(change_id="0193a000-0000-7000-8000-000000000121", scope=f"workspace:{WORKSPACE}",
                      workspace_id=WORKSPACE, address_hmac=HMAC, change="added", reason="hard_bounce", occurred_at=AT),
    EntityChange(kind=Kind.WORKSPACE, id=WORKSPACE, workspace_id=WORKSPACE, version=3, changed_at=AT,
                 data={"name": "Shop", "owner_email": "ops@shop.example"}),
    StageReport(stage="outbox", lane=Lane.CRITICAL, count=2, oldest_at=AT, reported_at=AT + timedelta(seconds=1)),
    Workspace(name="Shop", owner_email="ops@shop.example", features=["smtp.enabled"]),
    ApiKey(name="backend", digest=HMAC, prefix="ph_live_4f2a", scopes=["messages:send"]),
    Domain(name="shop.example", verified=True, active="ph1", keys=[
        DkimKeyPair(selector="ph1", public_key="MIIBIjANBg", private_key="c2VhbGVk", since=AT)]),
    Sender(address="no-reply@shop.example", name="Shop", verified=True),
    Transport(name="Direct", kind="direct"),
    Endpoint(url="https://hooks.shop.example/mail", secret="c2VhbGVk", created_at=AT),  # noqa: S106 - an example
)  # fmt: skip


def examples() -> dict[str, dict[str, Any]]:
    """An example of each record, by the record's name."""
    return {type(record).__name__: json.loads(record.encode()) for record in MADE}
