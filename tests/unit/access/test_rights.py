"""The rights that users are given are those that the services' code asks for, and no wildcard is among them."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from services.access.acls import Acl, acls_of, listed
from services.access.mongo import privileges_of
from services.access.rights import DATA, OPERATOR, SCHEMA, Rights, rights_of
from services.roles import SERVICES
from shared.connections import ConnectionSettings
from shared.contracts import topics
from shared.contracts.topics import COMMANDS, CONFIG_CHANGES, EVENTS, LIVE, Lane, all_topics, dead_letters
from shared.service import Base

KEY = "a" * 43 + "="
ROOT = Path(__file__).parents[3]
PREFIXED = ConnectionSettings(topic_prefix="acme_", db_prefix="acme_")
EVERYBODY = [*SERVICES, OPERATOR]
ALL = {topic.name for topic in all_topics()}


class Composed:
    """What a service attaches with all of its roles, and which entities it owns."""

    def __init__(self, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: dict[str, frozenset[str]] = {}
        self.tells_of_the_stuck = self.owns = False
        consume, begin = Base.consume, Base.__init__

        def noted(base: Base, name: str, decoders: Any, handler: Any, fetching: Any, on_dead: Any = None) -> None:
            self.groups[f"{base.name}.{name}"] = frozenset(decoders)
            self.tells_of_the_stuck |= on_dead is not None
            consume(base, name, decoders, handler, fetching, on_dead)

        def begun(base: Base, *arguments: Any, **named: Any) -> None:
            begin(base, *arguments, **named)
            self.owns |= bool(base.owned)

        monkeypatch.setattr(Base, "consume", noted)
        monkeypatch.setattr(Base, "__init__", begun)
        settings = import_module(f"services.{service}.settings").Settings(
            pepper=KEY, token_key=KEY, encryption_key=KEY, returns_domain="returns.example"
        )
        import_module(f"services.{service}.app").create_app(settings, SERVICES[service])


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_may_consume_what_it_attaches_to(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Composed(service, monkeypatch).groups == rights_of([service]).consumes


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_may_produce_what_its_code_makes_records_for(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed = Composed(service, monkeypatch)
    expected = made_in(ROOT / "services" / service) | {COMMANDS}  # every service confirms erasures there
    expected |= {dead_letters(topic) for some in composed.groups.values() for topic in some}
    expected |= {CONFIG_CHANGES} if composed.owns else set()
    expected |= {EVENTS} if composed.tells_of_the_stuck else set()
    assert rights_of([service]).produces == expected


def made_in(folder: Path) -> set[str]:
    """The topics of the records that a service's code makes: `Outgoing(EVENTS, …)`, `Outgoing(accepted(lane), …)`, or
    of a variable that was given one of those."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text())
        if "shared.kafka.publish" not in {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}:
            continue
        given = {
            node.targets[0].id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outgoing":
                topic = node.args[0]
                found |= names_of(given[topic.id] if isinstance(topic, ast.Name) and topic.id in given else topic)
    return found


def names_of(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return {getattr(topics, node.func.id)(lane) for lane in Lane}
    assert isinstance(node, ast.Name)
    return {getattr(topics, node.id)}


@pytest.mark.parametrize("name", EVERYBODY)
def test_no_user_has_a_wildcard_and_every_topic_is_one_that_is_there(name: str) -> None:
    rights = rights_of([name])
    groups = {group for service in SERVICES for group in rights_of([service]).consumes}
    for acl in acls_of(rights, ConnectionSettings()):
        assert acl.name in (ALL if acl.kind == "topic" else {f"posthorn.{group}" for group in groups})
    for privilege in privileges_of(rights, PREFIXED):
        assert privilege["resource"]["db"].startswith("acme_")
        assert privilege["resource"].keys() == {"db", "collection"}
        assert set(privilege["actions"]) <= DATA | SCHEMA | {"convertToCapped"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_to_its_own_database_and_contents_alone(service: str) -> None:
    written = {database for database, _ in rights_of([service]).data}
    assert written == {service} | ({"content"} if service in ("ingest", "sender") else set())


def test_only_ingest_accepts_only_the_router_routes_and_only_suppression_clears() -> None:
    for name, owner in (("accepted", "ingest"), ("routed", "router"), ("cleared", "suppression"), ("due", "sender")):
        for lane in Lane:
            topic = getattr(topics, name)(lane)
            assert {service for service in SERVICES if topic in rights_of([service]).produces} == {owner}


def test_the_operator_consumes_in_no_group_and_may_write_back_every_dead_letter() -> None:
    rights = rights_of([OPERATOR])
    assert not rights.consumes
    assert rights.produces == set(LIVE)
    assert rights.reads >= {dead_letters(name) for name in LIVE}


def test_a_process_of_several_services_has_all_of_their_rights_and_no_more() -> None:
    both = rights_of(["router", "webhooks"])
    of = [set(acls_of(rights_of([name]), PREFIXED)) for name in ("router", "webhooks")]
    assert set(acls_of(both, PREFIXED)) == of[0] | of[1]
    assert {place for place, _ in both.data} == {"router", "webhooks"}


def test_describe_is_listed_only_where_nothing_implies_it() -> None:
    rights = Rights(produces=frozenset({"one"}), measures={"router.route.critical": frozenset({"one", "two"})})
    assert acls_of(rights, PREFIXED) == [
        Acl("group", "acme_posthorn.router.route.critical", "Describe"),
        Acl("topic", "acme_one", "Write"),
        Acl("topic", "acme_two", "Describe"),
    ]


def test_the_list_is_as_strimzi_takes_it() -> None:
    rights = Rights(produces=frozenset({"one"}), reads=frozenset({"one"}))
    assert listed("posthorn-sender", acls_of(rights, PREFIXED)) == {
        "user": "posthorn-sender",
        "acls": [
            {
                "resource": {"type": "topic", "name": "acme_one", "patternType": "literal"},
                "operations": ["Read", "Write"],
                "host": "*",
            }
        ],
    }
