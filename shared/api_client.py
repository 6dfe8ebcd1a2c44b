"""The API as commands ask it: one host, one token, and in one line what was refused."""

from __future__ import annotations

from typing import Any, Self

import httpx

from shared.errors import Fault

TIMEOUT_SECONDS = 30.0


class RefusedError(Exception):
    """What the API refused, or that it does not answer, in one line; `faults` are those that it named."""

    def __init__(self, text: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(text)
        self.faults = faults


class ApiClient:
    """Asks with a key of a workspace, or with the operator's token. A context manager."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """The reply's JSON, None where it has no content; raises RefusedError."""
        try:
            reply = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise RefusedError(f"{self._http.base_url} does not answer ({type(error).__name__})") from error
        if reply.is_success:
            return reply.json() if reply.content else None
        raise _refusal(reply)


def _refusal(reply: httpx.Response) -> RefusedError:
    try:
        problem = reply.json()
        faults = tuple(Fault(each["pointer"], each["code"], each["detail"]) for each in problem.get("errors", ()))
        named = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
        return RefusedError(f"{named or problem['detail']} ({reply.status_code})", faults)
    except (ValueError, KeyError, TypeError):
        return RefusedError(f"the API answered {reply.status_code}")
