"""What the helpers of metrics do, and what a door counts."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from services.ingest.api.door import Door
from shared.errors import ProblemError
from shared.telemetry import metrics

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


def exemplars(lane: str) -> list[dict[str, str]]:
    (family,) = metrics.FIRST_ATTEMPT.collect()
    return [each.exemplar.labels for each in family.samples if each.labels.get("lane") == lane and each.exemplar]


def test_an_exemplar_names_the_trace_and_the_message_where_there_is_a_trace() -> None:
    metrics.observe(metrics.FIRST_ATTEMPT, 0.2, UNSAMPLED, "m1", lane="unsampled")
    assert exemplars("unsampled") == []
    metrics.observe(metrics.FIRST_ATTEMPT, 0.2, SAMPLED, "m2", lane="sampled")
    assert exemplars("sampled") == [{"trace_id": SAMPLED.split("-")[1], "message_id": "m2"}]
    metrics.observe(metrics.FIRST_ATTEMPT, 0.2, SAMPLED, lane="nameless")
    assert exemplars("nameless") == [{"trace_id": SAMPLED.split("-")[1]}]


def test_the_objectives_edges_are_edges_of_buckets() -> None:
    assert 5 in metrics.FIRST_ATTEMPT._kwargs["buckets"]
    assert 30 in metrics.WEBHOOK_FIRST_POST._kwargs["buckets"]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (ProblemError(422, "invalid_request", ""), "refused"),
        (ProblemError(503, "unavailable", ""), "failed"),
        (AutoReconnect(), "failed"),
        (RuntimeError(), "failed"),
    ],
)
def test_a_door_tells_the_caller_s_faults_from_ours(error: Exception | None, result: str) -> None:
    door = Door(f"door-{id(error)}", *[None] * 4)

    def ask() -> None:
        with door.counted():
            if error is not None:
                raise error

    if error is None:
        ask()
    else:
        with pytest.raises(type(error)):
            ask()
    counted = {
        each: REGISTRY.get_sample_value("posthorn_accept_requests_total", {"door": door.name, "result": each})
        for each in ("ok", "refused", "failed")
    }
    assert {each for each, count in counted.items() if count} == {result}
    assert counted[result] == 1
