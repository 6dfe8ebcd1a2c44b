"""The API as the `posthorn` command asks it."""

from __future__ import annotations

from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 30.0


class RefusedError(Exception):
    """What the API refused, or that it does not answer, in one line."""


class ApiClient:
    """Asks with a key of a workspace, or with the operator's token. A context manager."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, query: dict[str, Any] | None = None
    ) -> Any:
        """What the API answers; what is None in the query is left out of it. Raises RefusedError."""
        named = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            reply = self._http.request(method, path, json=body, params=named)
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
