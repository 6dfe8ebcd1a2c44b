"""Many additions and removals in one request, each with a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi, check_removal, error_of
from services.suppression.api.reading import Refusing, addition_of, address_of, check_domain, place_of
from services.suppression.api.schemas import Bulk, BulkRemoval, NewSuppression
from services.suppression.documents.identity import Named
from services.suppression.documents.reading import entry_of
from services.suppression.documents.updates import Addition
from shared.api import faults_of, json_response
from shared.errors import ProblemError, invalid_request, not_found

M = TypeVar("M", bound=BaseModel)
Result = dict[str, Any]


class BulkApi:
    """One write for what is added and one for what is removed."""

    def __init__(self, api: SuppressionApi) -> None:
        self._api = api
        self._store = api.store

    async def change(self, caller: Caller, bulk: Bulk, request: Request) -> Response:
        """Adds first, then removes."""
        path, request_id = request.url.path, request.state.request_id

        def refused(problem: ProblemError) -> Result:
            return error_of(problem, path, request_id)

        added = await self._add(caller, bulk.add, refused)
        removed = await self._remove(caller, bulk.remove, refused)
        done = sum(each["status"] < 300 for each in (*added, *removed))
        counts = {"done": done, "refused": len(added) + len(removed) - done}
        return json_response(200, {"data": {**counts, "add": added, "remove": removed}})

    async def _add(
        self, caller: Caller, items: Sequence[dict[str, Any]], refused: Callable[[ProblemError], Result]
    ) -> list[Result]:
        results: list[Result] = [{} for _ in items]
        domains = await self._api.domains.of(caller.workspace_id) if any(each.get("domain") for each in items) else ()
        additions: dict[int, tuple[Named, Addition]] = {}
        for index, item in enumerate(items):
            try:
                additions[index] = self._addition(caller, _read(item, NewSuppression), domains)
            except ProblemError as problem:
                results[index] = refused(problem)
        if not additions:
            return results
        added = await self._store.add_many(list(additions.values()))
        await self._api.publish([each.document for each in added])
        for index, each in zip(additions, added, strict=True):
            data = self._api.render(entry_of(each.document))
            results[index] = {"status": 201 if each.is_new else 200, "data": data}
        return results

    def _addition(self, caller: Caller, wanted: NewSuppression, domains: Collection[str]) -> tuple[Named, Addition]:
        with Refusing():
            address = address_of(wanted.email)
            place = place_of(caller, wanted.scope, wanted.domain, wanted.stream)
            check_domain(place, domains)
            addition = addition_of(caller, place, wanted.type, wanted.reason, wanted.expires_at, self._api.settings)
        return self._store.naming.named(place, address), addition

    async def _remove(
        self, caller: Caller, items: Sequence[dict[str, Any]], refused: Callable[[ProblemError], Result]
    ) -> list[Result]:
        results: list[Result] = [{} for _ in items]
        wanted: dict[int, tuple[str, BulkRemoval]] = {}
        for index, item in enumerate(items):
            try:
                removal = _read(item, BulkRemoval)
                wanted[index] = self._name(caller, removal), removal
            except ProblemError as problem:
                results[index] = refused(problem)
        found = await self._store.find_many(caller.workspace_id, {name for name, _ in wanted.values()})
        removals = {}
        for index, (name, removal) in wanted.items():
            try:
                entry = found.get(name)
                if entry is None:
                    raise not_found("suppression")
                check_removal(caller, entry, removal.reason)
                removals[index] = entry, caller.removal(removal.reason)
            except ProblemError as problem:
                results[index] = refused(problem)
        tombstones = await self._store.remove(list(removals.values()), guarded=caller.is_admin) if removals else []
        await self._api.publish([each for each in tombstones if each is not None])
        for index, tombstone in zip(removals, tombstones, strict=True):
            results[index] = refused(not_found("suppression")) if tombstone is None else {"status": 204}
        return results

    def _name(self, caller: Caller, removal: BulkRemoval) -> str:
        """A public id, or the key of an address in its place."""
        if removal.email is None:
            return removal.uuid or ""
        with Refusing():
            place = place_of(caller, removal.scope, removal.domain, removal.stream)
            return self._store.naming.key(place, address_of(removal.email))


def _read(item: dict[str, Any], model: type[M]) -> M:
    try:
        return model.model_validate(item)
    except ValidationError as error:
        raise invalid_request(faults_of(error.errors())) from error
