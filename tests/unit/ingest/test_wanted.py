"""What a search means: a guess at what was said, addresses and their parts, words and their beginnings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.search.wanted import (
    MOST_WORDS,
    RECIPIENT,
    SENDER,
    Clause,
    TooVagueError,
    guessed,
    of_address,
    of_subject,
)

ID = "0190b0b0-0000-7000-8000-00000000000a"


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        (f" {ID.upper()} ", [Clause("_id", (ID,))]),
        ("Ann@Example.com", [Clause(RECIPIENT, ("ann@example.com",))]),
        ("@example.com", [Clause("terms", ("d:example.com",))]),
        ("ann@exam", [Clause(RECIPIENT, ("ann@exam",), True)]),
        ("order", [Clause("terms", ("s:order", "l:order", "t:order"), True)]),
        ("Hé 42", [Clause("terms", ("s:he", "l:he", "t:he")), Clause("terms", ("s:42", "l:42", "t:42"))]),
    ],
)
def test_a_guess(text: str, clauses: list[Clause]) -> None:
    assert guessed(text) == clauses


def test_an_id_that_is_cut_is_words() -> None:
    assert [each.values[0] for each in guessed(ID[:-1])] == [
        "s:0190b0b0",
        "s:0000",
        "s:7000",
        "s:8000",
        "s:00000000000",
    ]


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("Billing@ACME.test", Clause(SENDER, ("billing@acme.test",))),
        ("@ACME.test", Clause("terms", ("f:acme.test",))),
        ("@acm", Clause("terms", ("f:acm",), True)),
        ("ann.pers", Clause(SENDER, ("ann.pers",), True)),
        ("ann@", Clause(SENDER, ("ann@",), True)),
        ("ann@Bücher.example", Clause(SENDER, ("ann@xn--bcher-kva.example",))),
        ("@bücher.example", Clause("terms", ("f:xn--bcher-kva.example",))),
        ("ann@bü..cher", Clause(SENDER, ("ann@bü..cher",))),
        ('"a@b"@x.test', Clause(SENDER, ('"a@b"@x.test',))),
    ],
)
def test_an_address(text: str, clause: Clause) -> None:
    assert of_address(SENDER, text) == clause


def test_all_words_but_the_last_are_whole() -> None:
    assert of_subject("Order ship") == [Clause("terms", ("s:order",)), Clause("terms", ("s:ship",), True)]
    assert of_subject("ship Order sh") == [Clause("terms", (f"s:{word}",)) for word in ("ship", "order", "sh")]


def test_what_is_too_vague() -> None:
    many = " ".join(map(str, range(MOST_WORDS + 1)))
    for text in ("?!", " ", "@", "@a", many):
        with pytest.raises(TooVagueError):
            guessed(text)
    for text in ("an", "@", ""):
        with pytest.raises(TooVagueError):
            of_address(RECIPIENT, text)


@given(st.text(max_size=320))
def test_a_guess_at_anything_is_clauses_or_too_vague(text: str) -> None:
    try:
        clauses = guessed(text)
    except TooVagueError:
        return
    assert 1 <= len(clauses) <= MOST_WORDS
    assert guessed(text) == clauses
