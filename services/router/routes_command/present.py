"""What is there: the transports and the rule set of a workspace or the platform, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.router.routes.configuration import DIRECT
from shared.api_client import ApiClient

PAGE = 100


@dataclass(frozen=True, slots=True)
class Present:
    """`visible` are the transports that rules may name, `own` those that the owner may change. `rules` is the set."""

    visible: tuple[Mapping[str, Any], ...]
    rules: Mapping[str, Any]
    platform: bool

    @property
    def own(self) -> list[Mapping[str, Any]]:
        return [each for each in self.visible if self.platform or not each["shared"]]

    def label(self, id_: str) -> str:
        """A transport's name, or its id where rules could not name it otherwise, and for the one that is built in."""
        if id_ == DIRECT:
            return id_
        found = next((each for each in self.visible if each["id"] == id_), None)
        if found is None or self.named(found["name"]) != [found]:
            return id_
        return id_ if any(each["id"] == found["name"] for each in self.visible) else str(found["name"])

    def named(self, name: str) -> list[Mapping[str, Any]]:
        """Those of this name: the owner's, else shared ones."""
        own = [each for each in self.own if each["name"] == name]
        return own or [each for each in self.visible if each["name"] == name]


class RoutesClient(ApiClient):
    """The API of a workspace's routes, or with `platform` of the platform's."""

    def __init__(self, url: str, token: str, *, platform: bool) -> None:
        super().__init__(url, token)
        self._platform = platform
        self._root = "/v1/platform" if platform else "/v1"

    def present(self) -> Present:
        """Raises RefusedError, as all here do."""
        found: list[Mapping[str, Any]] = []
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self.ask("GET", f"{self._root}/transports", query=query)
            found += page["data"]
            if not page["has_more"]:
                return Present(tuple(found), self.ask("GET", f"{self._root}/routes"), self._platform)
            query["cursor"] = page["next_cursor"]

    def create(self, body: dict[str, Any]) -> str:
        """Makes a transport; returns its id."""
        return str(self.ask("POST", f"{self._root}/transports", body)["id"])

    def change(self, id_: str, body: dict[str, Any]) -> None:
        self.ask("PATCH", f"{self._root}/transports/{id_}", body)

    def delete(self, id_: str) -> None:
        self.ask("DELETE", f"{self._root}/transports/{id_}")

    def put_rules(self, body: dict[str, Any]) -> int:
        """Replaces the set; returns its version."""
        return int(self.ask("PUT", f"{self._root}/routes", body)["version"])

    def replay(self, body: dict[str, Any]) -> Any:
        return self.ask("POST", f"{self._root}/routes/replay", body)
