"""Where the pages of webhooks are, and what an endpoint is called on them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

PATH = "/console/webhooks"


def path_of(endpoint_id: str) -> str:
    """An endpoint's page."""
    return f"{PATH}/{endpoint_id}"


def name_of(view: Mapping[str, Any]) -> str:
    """What its owner calls an endpoint, else where it is: host and path, without the query, which may hold a token."""
    parts = urlsplit(view["url"])
    return str(view["name"] or f"{parts.netloc}{parts.path if parts.path != '/' else ''}")
