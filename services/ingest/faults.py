"""Collecting every fault of a request, so that its sender learns all of them at once."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import Fault, ProblemError, invalid_request

TOO_LARGE = "too_large"


def pointer_to(*path: str | int) -> str:
    """A JSON pointer as a URI fragment, its parts escaped (RFC 6901 sections 3 and 6)."""
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


class Faults:
    """The faults of one request, the first for each place; what follows from a fault is not told beside it."""

    def __init__(self) -> None:
        self._by_pointer: dict[str, Fault] = {}

    def add(self, pointer: str, code: str, detail: str) -> None:
        self._by_pointer.setdefault(pointer, Fault(pointer, code, detail))

    def take(self, others: Faults) -> None:
        """Adds the faults that were found elsewhere."""
        for fault in others._by_pointer.values():
            self._by_pointer.setdefault(fault.pointer, fault)

    def concern(self, *fields: str) -> bool:
        """True where one of the top-level fields, or anything in it, is at fault."""
        places = tuple(pointer_to(name) for name in fields)
        return any(pointer in places or pointer.startswith(tuple(f"{p}/" for p in places)) for pointer in self)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_pointer)

    def all(self) -> list[Fault]:
        return list(self._by_pointer.values())

    def raise_any(self) -> None:
        """Raises a 422 problem that names them, or a 413 where nothing but sizes is wrong."""
        faults = self.all()
        if not faults:
            return
        if all(fault.code == TOO_LARGE for fault in faults):
            raise ProblemError(413, TOO_LARGE, "The message is too large.", errors=faults)
        raise invalid_request(faults)
