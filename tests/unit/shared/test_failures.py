"""What a message's own record says of the stages that it has been through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.messages import Seen, Verdict, VerdictKind
from shared.telemetry import names
from shared.telemetry.failures import past_stages
from tests.fixtures.messages import a_message, a_route

AT = datetime(2026, 6, 1, tzinfo=UTC)
WAITS = st.lists(st.integers(0, 3_600_000), min_size=4, max_size=4)


@given(WAITS)
def test_stages_follow_each_other_from_the_acceptance_to_the_failure(waits: list[int]) -> None:
    published, routed, checked, until = (AT + timedelta(milliseconds=sum(waits[:each])) for each in (1, 2, 3, 4))
    seen = Seen(accepted=AT, published=published, routed=routed, checked=checked)
    stages = list(past_stages(a_message(accepted_at=AT, seen=seen), until))
    assert [(each.name, each.service) for each in stages] == [
        ("published", "ingest"),
        ("routed", "router"),
        ("checked", "suppression"),
        ("sender", "sender"),
    ]
    moments = [AT, *(each.ended for each in stages)]
    assert [each.began for each in stages] == moments[:-1]
    assert moments[-1] == until


def test_a_later_pass_begins_with_its_release_and_a_scheduled_message_when_it_was_due() -> None:
    later = AT + timedelta(hours=1)
    seen = Seen(accepted=AT, published=AT, released=later, routed=later)
    assert [each.name for each in past_stages(a_message(accepted_at=AT, seen=seen), later)] == ["routed", "sender"]
    scheduled = a_message(accepted_at=AT, scheduled_at=later, seen=Seen(accepted=AT, published=later))
    (stage,) = past_stages(scheduled, later)
    assert (stage.began, stage.ended) == (later, later)


def test_stages_say_what_was_decided_and_name_nobody() -> None:
    verdict = Verdict(kind=VerdictKind.SUPPRESSED, reason="complaint", by="suppression", checked_at=AT)
    message = a_message(route=a_route(), verdict=verdict, seen=Seen(accepted=AT, published=AT, routed=AT, checked=AT))
    told = {each.name: dict(each.attributes) for each in past_stages(message, AT)}
    assert told["routed"] == {names.MAIL_TRANSPORT: "direct", names.MAIL_RULE: "default"}
    assert told["checked"] == {names.MAIL_VERDICT: "suppressed"}
    assert message.recipient not in str(told)
