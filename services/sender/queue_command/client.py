"""The API as the `posthorn queue` command asks it."""

from __future__ import annotations

import time
from typing import Any

from shared.api_client import ApiClient

POLL_SECONDS = 0.3
PATH = "/v1/queue"


class QueueClient(ApiClient):
    """Asks for what waits. A context manager."""

    def get(self, path: str = "", **query: Any) -> Any:
        """What `/v1/queue<path>` shows; raises RefusedError."""
        return self.ask("GET", f"{PATH}{path}", query=query)

    def act(self, action: str, body: dict[str, Any], *, wait: bool) -> Any:
        """Asks for an action; returns its job, once it is done where `wait` is set. Raises RefusedError."""
        named = {name: value for name, value in body.items() if value not in (None, [])}
        job = self.ask("POST", f"{PATH}/{action}", named)
        while wait and job["state"] == "open":
            time.sleep(POLL_SECONDS)
            job = self.get(f"/jobs/{job['id']}")
        return job
