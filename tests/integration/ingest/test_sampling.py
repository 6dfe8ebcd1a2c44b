"""What of ingest's requests is traced: by the caller's word, by the dice, the critical lane on demand, and faults."""

from __future__ import annotations

import secrets

import pytest
from httpx import Response

from services.ingest.acceptance.storing import Storing
from shared.telemetry import names
from shared.telemetry.tracing import is_sampled, trace_id_of
from tests.fixtures.collector import Collector, open_collector
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import Door, open_door, send


async def sent(door: Door, **changes: object) -> str:
    """Sends, and returns the traceparent that its message travels with."""
    headers = changes.pop("headers", {})
    reply: Response = await door.post(send(**changes), headers=headers)
    assert reply.status_code == 202, reply.text
    return str((await door.submissions())[-1]["trace"])


async def test_a_span_says_what_the_conventions_ask_for_and_who_made_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.instance.id=pod-7")
    async with open_collector() as collector:
        async with open_door(deployment, otlp_endpoint=collector.url) as door:
            trace = await sent(door)
        span = (await collector.has(trace_id_of(trace), "POST /v1/emails"))["POST /v1/emails"]
        resource = resource_of(collector, "posthorn-ingest")
    assert span["kind"] == "server"
    assert {name: span["attributes"][name] for name in (names.HTTP_METHOD, names.HTTP_ROUTE, names.HTTP_STATUS)} == {
        names.HTTP_METHOD: "POST", names.HTTP_ROUTE: "/v1/emails", names.HTTP_STATUS: 202,
    }  # fmt: skip
    assert (span["attributes"][names.URL_PATH], span["attributes"][names.URL_SCHEME]) == ("/v1/emails", "http")
    assert resource["service.namespace"] == "posthorn"
    assert resource["service.version"]
    assert resource["service.instance.id"] == "pod-7"  # the environment's word is the last one
    assert resource["deployment.environment.name"] == "staging"


async def test_the_critical_lane_is_traced_on_demand_and_nothing_else(deployment: Deployment) -> None:
    async with open_collector() as collector:
        async with open_door(deployment, otlp_endpoint=collector.url, trace_ratio=0, trace_critical=True) as door:
            caller = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
            product = await sent(door, stream="product")
            code = await sent(door, stream="authentication")
            of_caller = await sent(door, stream="security", headers={"traceparent": caller})
        spans = [
            (await collector.has(trace_id_of(each), "POST /v1/emails"))["POST /v1/emails"] for each in (code, of_caller)
        ]
        assert {span["trace_id"] for span in collector.spans()} == {trace_id_of(code), trace_id_of(of_caller)}
    assert [is_sampled(each) for each in (product, code, of_caller)] == [False, True, True]
    assert [span["span_id"] for span in spans] == [each.split("-")[2] for each in (code, of_caller)]
    assert trace_id_of(of_caller) == trace_id_of(caller)
    assert of_caller.split("-")[2] != caller.split("-")[2]  # the request's own span, not its caller's
    assert all(0 < span["start_ns"] < span["end_ns"] for span in spans)


async def test_a_caller_asks_for_a_trace_with_the_sampled_flag(deployment: Deployment) -> None:
    asked = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    async with open_collector() as collector:
        async with open_door(deployment, otlp_endpoint=collector.url, trace_ratio=0) as door:
            trace = await sent(door, headers={"traceparent": asked})
        span = (await collector.has(trace_id_of(asked), "POST /v1/emails"))["POST /v1/emails"]
    assert trace_id_of(trace) == trace_id_of(asked)
    assert span["parent_span_id"] == asked.split("-")[2]


async def test_a_fault_of_ours_is_recorded_though_it_was_not_sampled(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async with open_collector() as collector:
        async with open_door(deployment, otlp_endpoint=collector.url, trace_ratio=0) as door:
            assert (await door.post(send(to=[]))).status_code == 422
            monkeypatch.setattr(Storing, "store", breaks)
            assert (await door.post(send())).status_code == 500
        spans = await collector.has(None, "POST /v1/emails")
        assert len(collector.spans()) == 1
    span = spans["POST /v1/emails"]
    assert (span["status"], span["attributes"][names.ERROR_TYPE]) == ("error", "ZeroDivisionError")
    assert span["attributes"][names.HTTP_STATUS] == 500


async def test_no_collector_costs_no_span(deployment: Deployment) -> None:
    async with open_door(deployment, otlp_endpoint=None, trace_ratio=0, trace_critical=True) as door:
        assert not is_sampled(await sent(door, stream="authentication"))


def resource_of(collector: Collector, service: str) -> dict[str, str]:
    for export in collector.exports():
        for each in export.resource_spans:
            found = {pair.key: pair.value.string_value for pair in each.resource.attributes}
            if found.get("service.name") == service:
                return found
    raise AssertionError(f"nothing of {service}")
