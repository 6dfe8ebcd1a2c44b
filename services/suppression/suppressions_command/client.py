"""The API as the `posthorn suppressions` command asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

TIMEOUT_SECONDS = 120.0
TRIES = 6
FIRST_PAUSE = 0.5


class RefusedError(Exception):
    """What the API refused, or that it does not answer, in one line. `again` says that another try may do."""

    def __init__(self, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.again = again


class SuppressionsClient:
    """Asks about a workspace with its key, or about the platform with the operator's token. A context manager."""

    def __init__(self, url: str, token: str, *, platform: bool) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._path = "/v1/platform/suppressions" if platform else "/v1/suppressions"
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> SuppressionsClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, **query: Any) -> Any:
        """A page of the list; raises RefusedError."""
        return self._ask("GET", "", params=query).json()

    def post(self, path: str, body: Any) -> Any:
        """Raises RefusedError."""
        return self._ask("POST", path, json=body).json()["data"]

    def take(self, rows: bytes, defaults: dict[str, str]) -> dict[str, Any]:
        """Has rows of CSV imported; what fails for a while is tried again, which is safe. Raises RefusedError."""
        pause = FIRST_PAUSE
        for last in (*[False] * (TRIES - 1), True):
            try:
                headers = {"Content-Type": "text/csv"}
                reply = self._ask("POST", "/import", content=rows, params=defaults, headers=headers)
                summary: dict[str, Any] = reply.json()["data"]
                return summary
            except RefusedError as error:
                if last or not error.again:
                    raise
                time.sleep(pause)
                pause *= 2
        raise AssertionError("every try returns or raises")

    def give(self, filters: str | None) -> Iterator[bytes]:
        """The export, in pieces; raises RefusedError."""
        query = {} if filters is None else {"filters": filters}
        try:
            with self._http.stream("GET", f"{self._path}/export", params=query) as reply:
                if not reply.is_success:
                    reply.read()
                    raise _refused(reply)
                yield from reply.iter_bytes()
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            reply = self._http.request(method, f"{self._path}{path}", **content)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        if not reply.is_success:
            raise _refused(reply)
        return reply

    def _silent(self, error: httpx.HTTPError) -> RefusedError:
        return RefusedError(f"{self._http.base_url} does not answer ({type(error).__name__})", again=True)


def _refused(reply: httpx.Response) -> RefusedError:
    again = reply.status_code in (429, 502, 503, 504)
    try:
        problem = reply.json()
        faults = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in problem.get("errors", ()))
        return RefusedError(f"{faults or problem['detail']} ({reply.status_code})", again=again)
    except (ValueError, KeyError, TypeError):
        return RefusedError(f"the API answered {reply.status_code}", again=again)
