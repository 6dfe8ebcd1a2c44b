"""The API as the `posthorn queue` command asks it."""

from __future__ import annotations

import time
from typing import Any

import httpx

TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.3


class RefusedError(Exception):
    """What the API refused, or that it does not answer, in one line."""


class QueueClient:
    """Asks with a key of a workspace, or with the operator's token. A context manager."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> QueueClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str = "", **query: Any) -> Any:
        """What `/v1/queue<path>` shows; raises RefusedError."""
        named = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=named)

    def act(self, action: str, body: dict[str, Any], *, wait: bool) -> Any:
        """Asks for an action; returns its job, once it is done where `wait` is set. Raises RefusedError."""
        named = {name: value for name, value in body.items() if value not in (None, [])}
        job = self._ask("POST", f"/{action}", json=named)
        while wait and job["state"] == "open":
            time.sleep(POLL_SECONDS)
            job = self.get(f"/jobs/{job['id']}")
        return job

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            reply = self._http.request(method, f"/v1/queue{path}", **content)
        except httpx.HTTPError as error:
            raise RefusedError(f"{self._http.base_url} does not answer ({type(error).__name__})") from error
        if reply.is_success:
            return reply.json()
        raise RefusedError(_refusal(reply))


def _refusal(reply: httpx.Response) -> str:
    try:
        problem = reply.json()
        faults = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", ()))
        return f"{faults or problem['detail']} ({reply.status_code})"
    except (ValueError, KeyError, TypeError):
        return f"the API answered {reply.status_code}"
