"""Which messages leave a smart host that is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.sender.leaving import goes_on
from shared.contracts.messages import Candidate, LastAttempt
from tests.fixtures.messages import a_message, a_route

IDS = ("relay", "other", "direct")
CANDIDATES = st.lists(
    st.builds(
        Candidate, transport=st.sampled_from(IDS), name=st.just("n"), kind=st.just("smarthost"),
        score=st.sampled_from([0, 0.5, 1]),
    ),
    max_size=4,
)  # fmt: skip
LASTS = st.none() | st.builds(
    LastAttempt,
    transport=st.sampled_from(IDS),
    outcome=st.just("451 later"),
    scope=st.sampled_from([None, "transport", "recipient"]),
    full=st.lists(st.sampled_from(IDS), max_size=2),
    family=st.none(),
    untried=st.sampled_from([None, True]),
)


@given(CANDIDATES, LASTS)
def test_a_message_leaves_once_and_only_where_another_way_can_be_used(
    candidates: list[Candidate], last: LastAttempt | None
) -> None:
    route = a_route(transport="relay", kind="smarthost", rollup="smarthost:relay", candidates=candidates)
    message = a_message(route=route, last=last)
    told = goes_on(message, "421 " + "x" * 500)
    others = any(each.score > 0 and each.transport != "relay" for each in candidates)
    assert (told is not None) == (others and not (last is not None and last.untried))
    if told is not None:
        assert (told.transport, told.scope, told.untried) == ("relay", "transport", True)
        assert told.full == (last.full if last else [])
        assert len(told.outcome) <= 200
        assert goes_on(message.with_changes(last=told), "again") is None
