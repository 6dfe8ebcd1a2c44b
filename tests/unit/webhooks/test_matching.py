"""Which endpoint gets which event, and in which order jobs are taken."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.event_types import ON_REQUEST, WEBHOOK_TYPES
from services.webhooks.rules import (
    Subscription,
    by_workspace,
    fair_order,
    jobs_of,
    shown_url,
    subscription_of,
    webhook_id,
)
from shared.contracts.entities import Kind
from shared.contracts.events import EventType
from shared.mongo.entities import Entity
from tests.unit.webhooks.test_bodies import NOW, an_event

ALL = Subscription("all", frozenset(), NOW)
types = st.sampled_from(sorted(WEBHOOK_TYPES))


@given(types, st.sets(types))
def test_a_filter_lets_through_what_it_names_and_an_empty_one_what_is_not_on_request(type_: str, named: set) -> None:
    wanted = Subscription("e", frozenset(named), NOW).wants(type_, NOW)
    assert wanted is (type_ in named if named else type_ not in ON_REQUEST)


def test_an_endpoint_gets_nothing_from_before_it_was_there() -> None:
    assert ALL.wants("email.delivered", NOW)
    assert not ALL.wants("email.delivered", NOW - timedelta(milliseconds=1))


def test_the_same_event_makes_the_same_jobs() -> None:
    event = an_event(EventType.DELIVERED, {"code": 250})
    subscriptions = [ALL, Subscription("other", frozenset({"email.delivered"}), NOW)]
    first, again = (jobs_of(event, subscriptions, "trace", NOW, b"pepper") for _ in range(2))
    assert first == again
    assert [job.id for job in first] == [webhook_id(event.event_id, each) for each in ("all", "other")]
    assert first[0].id != first[1].id
    assert {job.trace for job in first} == {"trace"}


def test_no_job_for_what_nobody_wants() -> None:
    assert jobs_of(an_event(EventType.QUEUED), [ALL], None, NOW, b"pepper") == []
    assert jobs_of(an_event(EventType.ACCEPTED), [ALL], None, NOW, b"pepper") == []


@given(st.uuids(), st.uuids())
def test_webhook_ids_are_the_same_each_time_and_have_no_full_stop(event_id: object, endpoint_id: object) -> None:
    made = webhook_id(str(event_id), str(endpoint_id))
    assert made == webhook_id(str(event_id), str(endpoint_id))
    assert made.startswith("msg_")
    assert len(made) == 31
    assert made.removeprefix("msg_").isalnum()


def test_disabled_endpoints_are_not_matched_and_others_stay_in_their_workspace() -> None:
    def entity(id_: str, workspace_id: str, enabled: bool) -> Entity:
        data = {"events": ["email.sent"], "enabled": enabled, "created_at": "2026-01-01T00:00:00.000Z"}
        return Entity(Kind.ENDPOINT, id_, workspace_id, 1, False, data)

    found = by_workspace([entity("a", "w1", True), entity("b", "w1", False), entity("c", "w2", True)])
    assert {key: [each.endpoint_id for each in value] for key, value in found.items()} == {"w1": ["a"], "w2": ["c"]}
    assert found["w1"][0].types == {"email.sent"}


def test_an_endpoint_that_was_enabled_again_gets_what_occurs_from_then_on() -> None:
    data = {"events": [], "created_at": "2026-01-01T00:00:00.000Z", "enabled_since": "2026-02-01T00:00:00.000Z"}
    subscription = subscription_of(Entity(Kind.ENDPOINT, "e", "w", 1, False, data))
    assert not subscription.wants("email.sent", datetime(2026, 1, 31, 23, 59, 59, 999_000, UTC))
    assert subscription.wants("email.sent", datetime(2026, 2, 1, tzinfo=UTC))


def test_a_shown_url_has_no_query() -> None:
    assert shown_url("https://x.example/in?token=secret") == "https://x.example/in"


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 8), max_size=6),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5)),
    st.integers(0, 20),
)
def test_jobs_are_taken_in_turn_within_every_bound(counts: dict, room: dict, free: int) -> None:
    due = {endpoint: [f"{endpoint}{number}" for number in range(count)] for endpoint, count in counts.items()}
    chosen = fair_order(due, room, free)
    allowed = {endpoint: min(len(ids), room.get(endpoint, 0)) for endpoint, ids in due.items()}
    taken = {endpoint: [id_ for id_ in chosen if id_[0] == endpoint] for endpoint in due}
    assert len(chosen) == len(set(chosen)) == min(free, sum(allowed.values()))
    for endpoint, ids in taken.items():
        assert ids == due[endpoint][: len(ids)]
        assert len(ids) <= allowed[endpoint]
        for other, others in taken.items():
            assert len(ids) >= min(len(others) - 1, allowed[endpoint]), (endpoint, other)
