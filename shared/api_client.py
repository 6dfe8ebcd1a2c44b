"""The API as the `posthorn` command asks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import httpx

from shared.errors import Fault

TIMEOUT_SECONDS = 30.0


class RefusedError(Exception):
    """What the API refused with which `status`, or that it does not answer (None), in one line; `faults` are those that
    it named."""

    def __init__(self, text: str, faults: Sequence[Fault] = (), status: int | None = None) -> None:
        super().__init__(text)
        self.faults = tuple(faults)
        self.status = status


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
        """What the API answers, None where that is nothing; what is None in the query is left out of it. Raises
        RefusedError."""
        named = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            reply = self._http.request(method, path, json=body, params=named)
        except httpx.HTTPError as error:
            raise RefusedError(f"{self._http.base_url} does not answer ({type(error).__name__})") from error
        if reply.is_success:
            return reply.json() if reply.content else None
        raise _refusal(reply)


def _refusal(reply: httpx.Response) -> RefusedError:
    try:
        problem = reply.json()
        faults = [Fault(each["pointer"], each["code"], each["detail"]) for each in problem.get("errors", ())]
        named = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
        return RefusedError(f"{named or problem['detail']} ({reply.status_code})", faults, reply.status_code)
    except (ValueError, KeyError, TypeError):
        return RefusedError(f"the API answered {reply.status_code}", status=reply.status_code)
