"""Which transport a name in the file means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.router.routes_command.present import Present
from services.router.routes_command.route_file import RouteFile, TransportEntry
from services.router.routes_command.yaml_file import Document, LineFault

View = Mapping[str, Any]


class References:
    """Keys stand for transports: ids, and stand-ins for those that are not there yet; `bound` are the transports that
    the file's entries are about. `faults` gathers what is wrong."""

    def __init__(self, document: Document, file: RouteFile, present: Present) -> None:
        self._document = document
        self._present = present
        self.faults: list[LineFault] = []
        self.bound: dict[str, View | None] = {}
        self.keys: dict[str, str] = {}
        for number, (key, entry) in enumerate((file.transports or {}).items()):
            view = self.bound[key] = self._bind(key, entry)
            self.keys[key] = str(view["id"]) if view else f"new-{number}"
        self._bound_once()

    @property
    def labels(self) -> dict[str, str]:
        there = {str(each["id"]): self._present.label(str(each["id"])) for each in self._present.visible}
        return there | {key: name for name, key in self.keys.items()}

    @property
    def known(self) -> list[str]:
        return [*(str(each["id"]) for each in self._present.visible), *self.keys.values()]

    def fault(self, path: Sequence[str | int], detail: str) -> None:
        self.faults.append(self._document.fault(path, detail))

    def key_of(self, name: str, path: Sequence[str | int]) -> str:
        """By the file first, then by id, then by the name of what is there."""
        if name in self.keys:
            return self.keys[name]
        if any(each["id"] == name for each in self._present.visible):
            return name
        found = self._present.named(name)
        if len(found) > 1:
            self.fault(path, f"{len(found)} transports are called {name}: name the one by its id")
        elif not found:
            self.fault(path, f"there is no transport {name}")
        return str(found[0]["id"]) if found else name

    def _bind(self, key: str, entry: TransportEntry) -> View | None:
        """The owner's transport that an entry is about; None for one that is to be made."""
        own = self._present.own
        path = ("transports", key)
        if entry.id is not None:
            found = [each for each in own if each["id"] == entry.id]
            if not found:
                self.fault((*path, "id"), f"there is no transport {entry.id} to change")
            return found[0] if found else None
        if by_id := [each for each in own if each["id"] == key]:
            return by_id[0]
        found = [each for each in own if each["name"] == key]
        if len(found) > 1:
            self.fault(path, f"{len(found)} transports are called so: give the id of the one")
        return found[0] if found else None

    def _bound_once(self) -> None:
        taken: dict[str, str] = {}
        for name, key in self.keys.items():
            if key in taken:
                self.fault(("transports", name), f"is the same transport as {taken[key]}")
            taken.setdefault(key, name)
