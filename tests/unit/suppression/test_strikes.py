"""Full mailboxes and hosts that never answer: what several messages teach together."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.retry import given_up
from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred
from services.suppression.rules import Place, Reason, Strike, StrikeKind, lesson_of, soft_lessons, strike_of
from services.suppression.rules.lessons import remembered_for
from shared.contracts.events import EventType
from tests.unit.suppression.made import NOW, event, settings

SETTINGS = settings()
LIMITS = {StrikeKind.MAILBOX_FULL: (3, 14), StrikeKind.CONNECTION: (3, 30)}
DAYS = st.floats(0, 60).map(lambda days: NOW + timedelta(days=days))
STRIKES = st.lists(
    st.tuples(st.sampled_from(StrikeKind), st.sampled_from("abcde"), DAYS).map(
        lambda each: Strike(Place("w1"), "a@b.example", each[0], each[1], each[2], f"{each[1]}{each[2]}", {})
    ),
    max_size=12,
)


def strike(day: float, message_id: str, kind: StrikeKind = StrikeKind.MAILBOX_FULL) -> Strike:
    at = NOW + timedelta(days=day)
    return Strike(Place("w1"), "a@b.example", kind, message_id, at, f"e{message_id}{day}", {"event_id": message_id})


def expected(strikes: list[Strike]) -> set[tuple[datetime, StrikeKind]]:
    """By the words of the rule: the latest strike that ends a window in which enough messages were struck last."""
    found = set()
    for kind, (many, days) in LIMITS.items():
        last: dict[str, datetime] = {}
        for each in strikes:
            if each.kind is kind:
                last[each.message_id] = max(last.get(each.message_id, each.occurred_at), each.occurred_at)
        ends = [
            end for end in last.values() if sum(end - timedelta(days=days) <= at <= end for at in last.values()) >= many
        ]
        if ends:
            found.add((max(ends), kind))
    return found


def test_the_third_full_mailbox_in_fourteen_days_suppresses_for_seven() -> None:
    assert soft_lessons([strike(0, "a"), strike(5, "b")], SETTINGS) == []
    (lesson,) = soft_lessons([strike(0, "a"), strike(14, "c"), strike(5, "b")], SETTINGS)
    assert (lesson.reason, lesson.occurred_at) == (Reason.SOFT_BOUNCE_LIMIT, NOW + timedelta(days=14))
    assert lesson.until == NOW + timedelta(days=21)
    assert lesson.evidence == {"event_id": "c"}
    assert soft_lessons([strike(0, "a"), strike(14.01, "c"), strike(5, "b")], SETTINGS) == []


def test_a_message_counts_once_and_kinds_do_not_add_up() -> None:
    assert soft_lessons([strike(0, "a"), strike(1, "a"), strike(2, "a")], SETTINGS) == []
    assert soft_lessons([strike(0, "a"), strike(1, "b"), strike(2, "c", StrikeKind.CONNECTION)], SETTINGS) == []
    apart = [strike(day, name, StrikeKind.CONNECTION) for day, name in ((0, "a"), (15, "b"), (30, "c"))]
    assert len(soft_lessons(apart, SETTINGS)) == 1


@given(STRIKES, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(strikes: list[Strike], draw: object) -> None:
    found = soft_lessons(strikes, SETTINGS)
    twice = strikes + strikes[: len(strikes) // 2]
    draw.shuffle(twice)  # type: ignore[attr-defined]
    assert soft_lessons(twice, SETTINGS) == found
    assert {lesson.occurred_at for lesson in found} == {at for at, _ in expected(strikes)}


@given(STRIKES)
def test_what_is_forgotten_could_suppress_nothing_any_more(strikes: list[Strike]) -> None:
    """What counts at the newest strike comes from those that are still remembered then."""
    newest = max((each.occurred_at for each in strikes), default=NOW)
    kept = [each for each in strikes if each.occurred_at + remembered_for(each.kind, SETTINGS) > newest]
    counting = [[each for each in soft_lessons(some, SETTINGS) if each.until > newest] for some in (strikes, kept)]
    assert counting[0] == counting[1]


def test_what_made_an_entry_that_still_counts_is_not_forgotten() -> None:
    """A later strike, with which the first ones are no limit's any more, does not end what they brought about."""
    strikes = [strike(0, "a"), strike(1, "b"), strike(13, "c"), strike(15.5, "d")]
    (lesson,) = soft_lessons(strikes, SETTINGS)
    assert lesson.until == NOW + timedelta(days=20)
    assert all(each.occurred_at + remembered_for(each.kind, SETTINGS) >= lesson.until for each in strikes)


@pytest.mark.parametrize("hard", [True, False])
def test_a_refusal_by_a_full_mailbox_is_a_strike_and_no_lesson(hard: bool) -> None:
    bounced = event(EventType.BOUNCED, **Bounced(class_=BounceClass.MAILBOX_FULL, hard=hard, text="552 full").to_data())
    found = strike_of(bounced)
    assert found is not None
    assert (found.kind, found.message_id, found.evidence["reply"]) == (StrikeKind.MAILBOX_FULL, "m1", "552 full")
    assert lesson_of(bounced, SETTINGS) is None


@pytest.mark.parametrize("class_", list(BounceClass))
def test_what_expires_is_a_strike_by_what_its_last_attempt_came_to(class_: BounceClass) -> None:
    ended = given_up(Deferred(class_=class_, text="later"))
    found = strike_of(event(EventType.FAILED, **ended.to_data()))
    kinds = {BounceClass.MAILBOX_FULL: StrikeKind.MAILBOX_FULL, BounceClass.CONNECTION: StrikeKind.CONNECTION}
    assert (found and found.kind) == kinds.get(class_)


@pytest.mark.parametrize("type_", [EventType.DEFERRED, EventType.DELIVERED, EventType.SUPPRESSED, EventType.CANCELED])
def test_what_has_not_ended_so_is_no_strike(type_: EventType) -> None:
    assert strike_of(event(type_, **{"class": "mailbox_full"})) is None
