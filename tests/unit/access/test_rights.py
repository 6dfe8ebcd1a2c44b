"""The rights that users are given are those that the services' flows ask for, and no wildcard is among them."""

from __future__ import annotations

import pytest

from services.access.acls import Acl, acls_of, listed
from services.access.mongo import privileges_of
from services.access.rights import DATA, OPERATOR, SCHEMA, Rights, rights_of
from services.roles import SERVICES
from shared.connections import ConnectionSettings
from shared.contracts import topics
from shared.contracts.flows import FLOWS
from shared.contracts.topics import LIVE, Lane, all_topics, dead_letters

PREFIXED = ConnectionSettings(topic_prefix="acme_", db_prefix="acme_")
EVERYBODY = [*SERVICES, OPERATOR]
ALL = {topic.name for topic in all_topics()}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_with_topics_what_its_flow_says(service: str) -> None:
    """That the flow is what the service's code does, tests/contract/test_flows.py shows."""
    rights, flow = rights_of([service]), FLOWS[service]
    assert rights.consumes == {group: frozenset(names) for group, names in flow.groups.items()}
    assert rights.produces == {*flow.sends, *flow.dead_letters}
    assert rights.reads >= set(flow.reads)


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
