"""Hits on links, and the events that they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal

from services.ingest.tracking.machines import SCANNER, is_hasty
from shared.contracts.events import Event, EventType, event_id_of, sequence_of

AGENT_CHARS = 256
PREFIXES = {4: 24, 6: 48}
AddressKept = Literal["truncated", "whole", "none"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One use of a link of a message: `opened`, `clicked` or `unsubscribed`. `url` is where a click led, `machine` why
    the request is not a reader's, as far as it says so itself, `method` how somebody unsubscribed."""

    type: EventType
    workspace_id: str
    message_id: str
    at: datetime
    url: str | None = None
    address: str | None = None
    user_agent: str | None = None
    machine: str | None = None
    method: Literal["one_click", "page"] | None = None

    @property
    def event_id(self) -> str:
        """The same for every hit on a link within a minute; a reader's is never taken for a machine's."""
        occurrence = f"{self.at:%Y-%m-%dT%H:%M}:{'machine' if self.machine else 'reader'}:{self.url or ''}"
        return event_id_of(self.message_id, self.type, 0, occurrence)


def judged(hit: Hit, document: Mapping[str, Any], hasty_seconds: float) -> Hit:
    """The hit with a machine's reason where it comes too soon after its message, whose document this is, was handed
    over."""
    if hit.machine or hit.type is EventType.UNSUBSCRIBED:
        return hit
    handed_over = document.get("times", {}).get("sent_at")
    if not is_hasty(hit.at, handed_over, document["accepted_at"], hasty_seconds):
        return hit
    return replace(hit, machine=SCANNER)


def event_of_hit(hit: Hit, document: Mapping[str, Any]) -> Event:
    """The event of a hit with the identity of its message, whose document in the read model this is."""
    data = {
        "url": hit.url,
        "ip": hit.address,
        "user_agent": hit.user_agent,
        "method": hit.method,
        "machine": True if hit.machine else None,
        "machine_reason": hit.machine,
    }
    return Event(
        event_id=hit.event_id,
        message_id=hit.message_id,
        submission_id=document["submission_id"],
        workspace_id=hit.workspace_id,
        type=hit.type,
        occurred_at=hit.at,
        pass_=0,
        attempt=document.get("attempts", 0),
        sequence=sequence_of(hit.type, 0),
        lane=document["lane"],
        stream=document["stream"],
        recipient=document["recipient"],
        recipient_type=document["recipient_type"],
        sender=document["sender"],
        tags=document["tags"],
        metadata=document["metadata"],
        accepted_at=document["accepted_at"],
        data={name: value for name, value in data.items() if value is not None},
        trace=document.get("trace"),
    )


def address_kept(address: str | None, kept: AddressKept) -> str | None:
    """What is kept of a client's address: its network (IPv4 of 24 bits, IPv6 of 48), all of it, or nothing."""
    if address is None or kept == "none":
        return None
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if kept == "whole":
        return str(parsed)
    return str(ip_network((parsed, PREFIXES[parsed.version]), strict=False).network_address)
