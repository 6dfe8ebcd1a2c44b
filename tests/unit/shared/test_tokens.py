"""Identifiers, keys and cursors."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import tokens
from shared.tokens import BASE62, Cursors, InvalidCursorError, is_api_key, new_api_key, uuid7

JSON = st.recursive(st.none() | st.integers(-(2**53), 2**53) | st.text(), lambda each: st.lists(each, max_size=3))


def test_ids_are_uuids_of_version_7_and_rise_with_time() -> None:
    made = uuid.UUID(uuid7())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) - time.time_ns() // 1_000_000) < 10_000


def test_uuids_of_one_process_rise_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(clock_ns: int) -> str:
        monkeypatch.setattr(tokens.time, "time_ns", lambda: clock_ns)
        return uuid7()

    began = time.time_ns() + 60_000_000_000
    made = [at(began + step) for step in (0, 0, 300, 1_000_000, -1_000_000, -2_000_000, -2_000_000, 1_000_500)]
    assert made == sorted(set(made))
    assert uuid.UUID(at(began - 20_000_000_000)).int >> 80 == (began - 20_000_000_000) // 1_000_000, (
        "a clock that was set is followed"
    )


def test_threads_that_make_uuids_together_never_share_one() -> None:
    with ThreadPoolExecutor(8) as pool:
        each = list(pool.map(lambda _: [uuid7() for _ in range(2000)], range(8)))
    assert all(made == sorted(made) for made in each)
    assert len({id_[:23] for made in each for id_ in made}) == 16_000, "not even their times are the same"


def test_a_key_has_its_form_and_a_checksum() -> None:
    key = new_api_key()
    assert is_api_key(key)
    assert key.startswith("ph_live_")
    assert len(key) == 44


@given(place=st.integers(8, 43), letter=st.sampled_from(BASE62))
def test_a_mistyped_key_is_seen_without_a_look_up(place: int, letter: str) -> None:
    key = new_api_key()
    mistyped = key[:place] + letter + key[place + 1 :]
    assert is_api_key(mistyped) == (mistyped == key)


@given(st.text(max_size=60))
def test_no_other_text_is_a_key(text: str) -> None:
    assert not is_api_key(text)


@given(position=st.lists(JSON, max_size=4), query=st.text())
def test_a_cursor_comes_back_as_it_was(position: list[Any], query: str) -> None:
    cursors = Cursors(b"k" * 32)
    assert cursors.read(cursors.make(position, query), query) == position


@given(cursor=st.text(max_size=80))
def test_what_we_did_not_make_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        Cursors(b"k" * 32).read(cursor, "query")


def test_a_cursor_is_bound_to_its_query_and_key() -> None:
    made = Cursors(b"k" * 32).make(["a", 1], "workspace-1?status=sent")
    for key, query in ((b"k" * 32, "workspace-2?status=sent"), (b"x" * 32, "workspace-1?status=sent")):
        with pytest.raises(InvalidCursorError):
            Cursors(key).read(made, query)
