"""What is left of an erased person's mail: codes and times, and none of their words or names."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.projection.fold import apply
from services.ingest.redaction import update_of_message
from shared.addresses import parse_address
from shared.contracts.events import EventType, event_of
from shared.erasure import erased_address, names, person_hmac, redacted_event, redacted_message, replaced
from shared.mongo.erasures import Erasure
from shared.secrets import address_hmac
from tests.fixtures.messages import a_message, a_route

PEPPER = b"p" * 32
ANN = "Ann.Lee+x@example.com"
HMAC = address_hmac(PEPPER, ANN)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = st.sampled_from([ANN, f"550 5.1.1 <{ANN.lower()}>: unknown", "Ann Lee", "code_7", "250", "no such Ann"])
NAMES = st.sampled_from(["reply", "detail", "reason", "transcript", "code", "class", "host", "url", "verdict", "rule"])
DATA = st.dictionaries(NAMES, WORDS | st.integers() | st.booleans(), max_size=6)


def applied(document: dict[str, object], update: dict[str, dict[str, object]]) -> dict[str, object]:
    """What MongoDB makes of `$set` and `$unset`."""
    for operator, fields in update.items():
        for path, value in fields.items():
            *parents, name = path.split(".")
            holder: dict[str, object] = document
            for parent in parents:
                holder = holder[parent]  # type: ignore[assignment]
            if operator == "$set":
                holder[name] = value
            else:
                holder.pop(name, None)
    return document


@given(DATA, st.sampled_from(list(EventType)))
def test_nothing_that_names_the_person_stays_in_an_event(data: dict[str, object], type_: EventType) -> None:
    message = a_message(ANN, metadata={"name": "Ann Lee"}, tags=["welcome", f"to-{ANN}"])
    event = event_of(message, type_, NOW, {**data, "transcript": [ANN], "verdict": {"kind": "send", "detail": ANN}})
    redacted = redacted_event(event, HMAC)
    text = redacted.encode().decode().lower()
    assert "ann" not in text.replace("transcript", "").replace("cannot", "")
    assert (redacted.recipient, redacted.tags, redacted.metadata) == (erased_address(HMAC), ["welcome", "erased"], {})
    assert redacted_event(redacted, HMAC) == redacted
    unchanged = ("event_id", "message_id", "type", "occurred_at", "sequence", "attempt", "accepted_at", "sender")
    assert all(getattr(redacted, name) == getattr(event, name) for name in unchanged)


@given(st.lists(st.tuples(st.sampled_from(list(EventType)), DATA), min_size=1, max_size=5))
def test_redacting_what_was_folded_is_folding_what_was_redacted(
    told: list[tuple[EventType, dict[str, object]]],
) -> None:
    message = a_message(ANN, metadata={"name": "Ann"}, tags=[ANN], accepted_at=NOW)
    route = a_route().model_dump(mode="json", exclude_none=True) | {"inputs": {"domain": "example.com"}}
    events = [
        event_of(message, type_, NOW, {**data, "route": route, "seen": {}}, occurrence=str(number))
        for number, (type_, data) in enumerate(told)
    ]
    erasure = Erasure("e1", "w1", ANN, HMAC, NOW)
    live = apply(None, events)
    redacted = applied(live, update_of_message(live, erasure))
    assert redacted == apply(None, [redacted_event(event, HMAC) for event in events])


def test_a_message_of_an_erased_person_is_stopped_and_has_no_way() -> None:
    message = a_message(ANN, metadata={"name": "Ann"}, route=a_route())
    redacted = redacted_message(message, HMAC, NOW)
    assert redacted.verdict is not None
    assert (redacted.verdict.kind, redacted.verdict.reason, redacted.route) == ("suppressed", "erasure", None)
    assert b"nn.Lee" not in redacted.encode()
    assert person_hmac(PEPPER, redacted.recipient) == person_hmac(PEPPER, ANN.upper()) == HMAC


def test_texts_lose_the_address_in_every_case_and_as_urls_write_it() -> None:
    theirs = erased_address(HMAC)
    text = "to=Ann.Lee%2Bx%40example.com, ann.lee+X@EXAMPLE.com, bob@example.com"
    assert replaced(text, ANN, HMAC) == f"to={theirs}, {theirs}, bob@example.com"


def test_addresses_that_only_look_like_it_are_spared_where_whole_ones_are_meant() -> None:
    others = "jo-ann.lee+x@example.com, ann.lee+x@example.community, ann.lee+x@example.com.test"
    assert replaced(others, ANN, HMAC, whole=True) == others
    assert replaced(f'{{"to":"{ANN.upper()}"}}', ANN, HMAC, whole=True) == f'{{"to":"{erased_address(HMAC)}"}}'
    assert ANN.lower() not in replaced(others, ANN, HMAC).lower()


def test_a_domain_is_the_same_in_a_labels_and_in_u_labels() -> None:
    ann = parse_address("Ann@Bücher.example")
    assert parse_address("Ann@xn--bcher-kva.example") == ann
    for written in ("ann@bücher.example", "ANN@xn--bcher-kva.example", "ann%40b%C3%BCcher.example"):
        assert names(f"to-{written}", ann)
        assert replaced(written, ann, HMAC) == erased_address(HMAC)
    assert not names("annette@bücher.example ann@bucher.example", ann)
