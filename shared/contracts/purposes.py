"""What secrets at rest are sealed for, by the id of what they belong to: whoever opens one names the same purpose."""

from __future__ import annotations


def dkim_purpose(domain_id: str) -> str:
    return f"dkim:{domain_id}"


def transport_purpose(transport_id: str) -> str:
    """Of its password."""
    return f"transport:{transport_id}"


def endpoint_purpose(endpoint_id: str) -> str:
    """Of its secrets."""
    return f"endpoint:{endpoint_id}"


def templates_purpose(endpoint_id: str) -> str:
    """Of what its owner has written of its requests."""
    return f"endpoint-templates:{endpoint_id}"


def suppression_purpose(key: str) -> str:
    """Of the address, by the key of its place."""
    return f"suppression:{key}"


def erasure_purpose(erasure_id: str) -> str:
    """Of the address."""
    return f"erasure:{erasure_id}"
