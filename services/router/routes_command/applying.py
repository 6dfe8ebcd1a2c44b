"""A plan put into effect, in an order in which no rule ever names a transport that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.router.routes_command.plan import Plan, Step
from services.router.routes_command.present import RoutesClient
from services.router.routes_command.printing import DONE


def passwords_of(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    """Every password that is to be sent, by its variable; raises KeyError, of the first variable that is not set."""
    wanted = [step.password_env for step in plan.transports if step.password_env is not None]
    missing = next((name for name in wanted if not environment.get(name)), None)
    if missing is not None:
        raise KeyError(missing)
    return {name: environment[name] for name in wanted}


def apply(plan: Plan, client: RoutesClient, passwords: Mapping[str, str]) -> Iterator[str]:
    """Transports first, then the set, where it is still at the version that the plan was made from, then what goes.

    Yields a line as each step is done; raises RefusedError at the first that is not.
    """
    made: dict[str, str] = {}
    for step in plan.transports:
        body = dict(step.body)
        if step.password_env is not None:
            body["password"] = passwords[step.password_env]
        if step.act == "create":
            made[step.key] = client.create(body)
        else:
            client.change(step.key, body)
        yield _told(step)
    if plan.rules is not None:
        version = client.put_rules(_with_ids(plan.rules, made) | {"version": plan.version})
        yield f"the rules are at version {version}"
    for step in plan.removals:
        if step.act == "remove":
            client.delete(step.key)
            yield _told(step)


def _told(step: Step) -> str:
    return f"{DONE[step.act]} {step.what} {step.label}"


def _with_ids(value: Any, made: Mapping[str, str]) -> Any:
    """The set with the ids of the transports that were made, in the places where transports are named."""
    if isinstance(value, Mapping):
        named = {"transport", "pool"}
        return {
            name: made.get(inner, inner) if name in named and isinstance(inner, str)
            else [made.get(id_, id_) for id_ in inner] if name == "transports" else _with_ids(inner, made)
            for name, inner in value.items()
        }  # fmt: skip
    return [_with_ids(each, made) for each in value] if isinstance(value, list) else value
