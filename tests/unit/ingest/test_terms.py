"""Terms: folded, bounded, the same each time, and greater with a subject than without."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.projection.fold import Delta, add_subject, apply, delta_of
from services.ingest.search.terms import (
    LONGEST_DOMAIN,
    MOST_TERMS,
    SUBJECT_WORDS,
    folded,
    terms_of_identity,
    terms_of_subject,
    words,
)
from shared.contracts.events import Event
from tests.unit.ingest.lives import lives, told

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
TAGS = st.lists(st.text(max_size=255), max_size=10)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Your Order #1000234 has shipped!", ["your", "order", "1000234", "has", "shipped"]),
        ("Réservation confirmée", ["reservation", "confirmee"]),
        ("STRASSE Straße", ["strasse"]),
        ("ﬁnal Ⅷ ½", ["final", "viii", "1", "2"]),
        ("Ångström ÅNGSTRÖM", ["angstrom"]),
        ("re: re: RE", ["re"]),
        ("İstanbul", ["istanbul"]),
        ("ご注文 ありがとう", ["こ注文", "ありかとう"]),
        ("हिन्दी", ["हिनदी"]),
        ("snake_case a.b-c", ["snake", "case", "a", "b", "c"]),
        ("🎉 — …", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text, 10) == [folded(each) for each in found]


@given(TEXT)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    for word in words(text, 50):
        assert words(word, 2) == [word]
        assert words(word.upper(), 2) == [word] or not word.isascii()


@given(TEXT, TEXT, TEXT, TAGS)
def test_terms_are_bounded_distinct_and_the_same_each_time(
    subject: str, recipient: str, sender: str, tags: list[str]
) -> None:
    made = terms_of_subject(subject) + terms_of_identity(recipient, sender, tags)
    assert made == terms_of_subject(subject) + terms_of_identity(recipient, sender, tags)
    assert len(set(made)) == len(made) <= MOST_TERMS
    assert all(len(each) <= LONGEST_DOMAIN + 2 for each in made)


def test_of_a_long_subject_the_first_words_count() -> None:
    subject = " ".join(f"w{number}" for number in range(200)) + "x" * 300
    assert terms_of_subject(subject) == [f"s:w{number}" for number in range(SUBJECT_WORDS)]


def test_the_terms_of_a_message() -> None:
    made = terms_of_identity("Ann.Pérson+x@Shop.Example", "billing@Acme.test", ["Password-Reset", "eu"])
    assert made == [
        "d:shop.example", "f:acme.test", "l:ann", "l:person", "l:x", "t:password", "t:reset", "t:eu"
    ]  # fmt: skip


@given(TEXT.filter(lambda text: bool(words(text, 1))), TEXT, TEXT, TAGS)
def test_terms_with_a_subject_are_the_greater(subject: str, recipient: str, sender: str, tags: list[str]) -> None:
    without = terms_of_identity(recipient, sender, tags)
    assert [*terms_of_subject(subject), *without] > without


@given(st.data())
def test_the_subject_of_one_event_is_enough_wherever_it_comes(data: st.DataObject) -> None:
    """The submission may be gone when further events come, or come again."""
    events = data.draw(told(data.draw(lives())))
    knowing = data.draw(st.integers(0, len(events) - 1))
    document: dict[str, object] = {"_id": events[0].message_id}
    for number, event in enumerate(events):
        _of(event, "Your Order", number == knowing).apply(document)
    everyone = apply(None, events)
    for event in events:
        _of(event, "Your Order", True).apply(everyone)
    assert document == everyone
    assert document["terms"] == [
        "s:your", "s:order", "d:example.test", "f:acme.test", "l:known", "t:welcome"
    ]  # fmt: skip


def _of(event: Event, subject: str, is_known: bool) -> Delta:
    delta = delta_of(event)
    if is_known:
        add_subject(delta, subject)
    return delta
