"""What the routes of rule sets do; an owner is a workspace's id, or None for the platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Response

from services.router.api.bodies import DefaultRoute, RuleBody, RuleSetBody
from services.router.api.transports import Owner, View, visible
from services.router.routes.configuration import LAST_ORDER
from services.router.routes.faults import faults_of
from services.router.routes.model import MAX_RULES, Rule, RuleSet, with_ids
from services.router.store.rule_sets import Author, LastChange, RuleSets
from services.router.store.transports import Transports
from shared.api import json_response
from shared.auth import Principal
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import VersionConflictError

TRIES = 5
Change = Callable[[RuleSet], RuleSet]


class RuleSetApi:
    """Reads and writes whole sets and single rules; what is written is checked as a whole."""

    def __init__(self, sets: RuleSets, transports: Transports) -> None:
        self._sets = sets
        self._transports = transports

    async def get(self, owner: Owner) -> View:
        return shown(owner, *await self._sets.get(owner))

    async def last_change(self, owner: Owner) -> LastChange | None:
        return await self._sets.last_change(owner)

    async def put(self, owner: Owner, body: RuleSetBody, by: Author) -> View:
        """Replaces the set: the version that the body names, else whatever is there. Raises a 422 problem, or a 409
        one (`version_conflict`) where another version is there."""
        wanted = body.to_set()
        await self.check(owner, wanted)
        try:
            version = await self._sets.put(owner, wanted, body.version, by)
        except VersionConflictError as error:
            _, present = await self._sets.get(owner)
            raise ProblemError(409, "version_conflict", f"The rules are at version {present} by now.") from error
        return shown(owner, wanted, version)

    async def put_order(self, workspace_id: str, body: DefaultRoute, by: Author) -> Mapping[str, Any]:
        """Sets the failover order and leaves the rules as they are."""
        wanted = {"transports": body.transports}
        await self._change(workspace_id, lambda present: present.model_copy(update=wanted), by)
        return await self.order(workspace_id)

    async def get_rule(self, owner: Owner, id_: str) -> View:
        present, version = await self._sets.get(owner)
        return _shown_rule(present.rules, _place_of(present.rules, id_), version)

    async def add_rule(self, owner: Owner, body: RuleBody, by: Author) -> View:
        """Puts a rule at its position, behind all others where it names none."""
        rule = with_ids(body.to_rule())

        def change(present: RuleSet) -> RuleSet:
            return _with(present.rules, rule, body.position, present)

        present, version = await self._change(owner, change, by, rule)
        return _shown_rule(present.rules, _place_of(present.rules, rule.id or ""), version)

    async def put_rule(self, owner: Owner, id_: str, body: RuleBody, by: Author) -> View:
        """Replaces a rule, where it stands unless it names another position."""
        if body.id not in (None, id_):
            raise invalid_request([Fault("#/id", "not_changeable", "A rule keeps its id.")])
        rule = with_ids(body.to_rule().model_copy(update={"id": id_}))

        def change(present: RuleSet) -> RuleSet:
            place = _place_of(present.rules, id_)
            others = [*present.rules[:place], *present.rules[place + 1 :]]
            return _with(others, rule, place if body.position is None else body.position, present)

        present, version = await self._change(owner, change, by, rule)
        return _shown_rule(present.rules, _place_of(present.rules, id_), version)

    async def delete_rule(self, owner: Owner, id_: str, by: Author) -> None:
        def change(present: RuleSet) -> RuleSet:
            gone = _place_of(present.rules, id_)
            rules = [rule for place, rule in enumerate(present.rules) if place != gone]
            return present.model_copy(update={"rules": rules})

        await self._change(owner, change, by)

    async def check(self, owner: Owner, wanted: RuleSet, rule: Rule | None = None) -> None:
        """Raises a 422 problem that names every fault; `rule` is the one that the request is about."""
        known = await self._transports.find(visible(owner), sorted(wanted.uses))
        faults = faults_of(wanted, known, shared=owner is None)
        if len(wanted.rules) > MAX_RULES:
            faults.append(Fault("#", "too_many", f"A set has at most {MAX_RULES} rules."))
        if rule is not None:
            place = next(place for place, each in enumerate(wanted.rules) if each is rule)
            faults = [_seen_from(fault, f"#/rules/{place}") for fault in faults]
        if faults:
            raise invalid_request(faults)

    async def _change(self, owner: Owner, change: Change, by: Author, rule: Rule | None = None) -> tuple[RuleSet, int]:
        for _ in range(TRIES):
            present, version = await self._sets.get(owner)
            wanted = change(present)
            await self.check(owner, wanted, rule)
            try:
                return wanted, await self._sets.put(owner, wanted, version, by)
            except VersionConflictError:
                continue
        raise ProblemError(409, "conflict", "The rules keep changing; please try again.")

    async def order(self, workspace_id: str) -> Mapping[str, Any]:
        present, version = await self._sets.get(workspace_id)
        order: Sequence[str] = present.transports
        if not order:
            platform, _ = await self._sets.get(None)
            order = platform.transports or LAST_ORDER
        return {"id": "default", "transports": list(order), "version": version}


def shown(owner: Owner, rules: RuleSet, version: int) -> dict[str, Any]:
    """A set as its reader sees it."""
    data = {"version": version, "transports": rules.transports, "rules": [_plain(rule) for rule in rules.rules]}
    if owner is None:
        data["quarantine"] = rules.quarantine.model_dump(mode="json") if rules.quarantine else None
    return data


def _plain(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude_none=True)


def _shown_rule(rules: Sequence[Rule], place: int, version: int) -> dict[str, Any]:
    return _plain(rules[place]) | {"position": place, "version": version}


def _place_of(rules: Sequence[Rule], id_: str) -> int:
    place = next((place for place, rule in enumerate(rules) if rule.id == id_), None)
    if place is None:
        raise not_found("rule")
    return place


def _with(others: Sequence[Rule], rule: Rule, position: int | None, present: RuleSet) -> RuleSet:
    place = len(others) if position is None else position
    return present.model_copy(update={"rules": [*others[:place], rule, *others[place:]]})


def _seen_from(fault: Fault, rule: str) -> Fault:
    """A fault of the set as the writer of one rule of it sees it: what another rule has by it is the whole's."""
    if fault.pointer == rule or fault.pointer.startswith(f"{rule}/"):
        return Fault(f"#{fault.pointer.removeprefix(rule)}", fault.code, fault.detail)
    return Fault("#", fault.code, fault.detail)


def made_rule(owner: Owner, view: View) -> Response:
    """The reply to who has added a rule."""
    return json_response(201, view, {"Location": f"{_path(owner)}/rules/{view['id']}"})


def author_of(principal: Principal | None) -> Author:
    """Who makes a request; a principal of None is the operator."""
    return Author("operator") if principal is None else Author("api_key", principal.key_id, principal.key.name)


def _path(owner: Owner) -> str:
    return "/v1/platform/routes" if owner is None else "/v1/routes"
