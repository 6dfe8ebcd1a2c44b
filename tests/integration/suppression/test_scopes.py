"""Entries for a sending domain or a stream: what they stop, how they are named, and who spares complaints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.suppression.rules import NEVER, Lesson, Place, Reason
from shared.contracts.entities import Kind
from shared.contracts.messages import VerdictKind
from shared.contracts.topics import Lane, Stream, routed
from shared.mongo.entities import Entities
from tests.fixtures.messages import a_message
from tests.integration.suppression.conftest import URL, Suppressing, post

BY_DOMAIN = {"scope": "domain", "domain": "Bücher.example"}
BY_STREAM = {"scope": "stream", "stream": "product"}


async def test_each_scope_stops_its_own_mail(suppressing: Suppressing) -> None:
    async def add(place: Place, address: str, reason: Reason = Reason.MANUAL) -> None:
        await suppressing.store.add(place, address, reason, None, None)

    await add(Place("w1", domain="news.example"), "d@b.example")
    await add(Place("w1", stream="billing"), "s@b.example", Reason.UNSUBSCRIBE)
    await add(Place("w2", stream="product"), "other@b.example")
    await add(Place("w1"), "both@b.example", Reason.HARD_BOUNCE)
    await add(Place("w1", stream="product"), "both@b.example", Reason.COMPLAINT)
    sent = {
        "news": a_message("D@b.example", sender="a@News.example"),
        "shop": a_message("d@b.example", sender="a@shop.example"),
        "below": a_message("d@b.example", sender="a@x.news.example"),
        "bill": a_message("s@b.example", stream=Stream.BILLING),
        "product": a_message("s@b.example"),
        "other": a_message("other@b.example"),
        "both": a_message("both@b.example"),
    }
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), *sent.values())
        records = await suppressing.deployment.records("mail.cleared.standard", len(sent))
    passed = {message.message_id: message.verdict for message in (a_message().decode(each.value) for each in records)}
    found = {name: passed[each.message_id] for name, each in sent.items()}
    stopped = {name: (each.reason, each.scope) for name, each in found.items() if each.kind is VerdictKind.SUPPRESSED}  # type: ignore[union-attr]
    assert stopped == {
        "news": ("manual", "workspace:w1:domain:news.example"),
        "bill": ("unsubscribe", "workspace:w1:stream:billing"),
        "both": ("complaint", "workspace:w1:stream:product"),
    }


async def test_an_entry_is_named_by_its_scope(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await answering.add_domain("w1", "xn--bcher-kva.example")
    whole = (await post(http, ours, email="a@b.example")).json()["data"]
    domain = (await post(http, ours, email="a@b.example", type="unsubscribe", **BY_DOMAIN)).json()["data"]
    stream = (await post(http, ours, email="a@b.example", type="unsubscribe", **BY_STREAM)).json()["data"]
    assert (domain["scope"], domain["domain"], domain["stream"]) == ("domain", "xn--bcher-kva.example", None)
    assert (stream["scope"], stream["domain"], stream["stream"]) == ("stream", None, "product")
    for entry, where in ((whole, {}), (domain, BY_DOMAIN), (stream, BY_STREAM)):
        assert (await http.get(f"{URL}/a@b.example", params=where, headers=ours)).json()["data"] == entry
        assert (await http.get(f"{URL}/{entry['uuid']}", headers=ours)).json()["data"] == entry
    assert (await http.delete(f"{URL}/a@b.example", params=BY_DOMAIN, headers=ours)).status_code == 204
    left = (await http.get(URL, headers=ours)).json()["data"]
    assert {entry["uuid"] for entry in left} == {whole["uuid"], stream["uuid"]}


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"type": "unsubscribe"}, [("#/scope", "unsubscribe_needs_scope")]),
        ({"scope": "platform"}, [("#/scope", "invalid_choice")]),
        ({"scope": "domain"}, [("#/domain", "missing")]),
        ({"scope": "stream"}, [("#/stream", "missing")]),
        ({"domain": "b.example"}, [("#/domain", "not_allowed")]),
        ({"scope": "domain", "domain": "a b"}, [("#/domain", "invalid_domain")]),
        ({"scope": "stream", "stream": "news"}, [("#/stream", "enum")]),
        ({"scope": "stream", "domain": "b.example"}, [("#/domain", "not_allowed"), ("#/stream", "missing")]),
        ({"type": "complaint", "expires_at": "2090-01-01T00:00:00Z"}, [("#/expires_at", "not_allowed")]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, [("#/expires_at", "in_the_past")]),
        ({"type": "erasure"}, [("#/type", "literal_error")]),
    ],
)
async def test_what_a_scope_does_not_allow_is_refused(
    http: httpx.AsyncClient, ours: dict[str, str], fields: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    refused = await post(http, ours, email="a@b.example", **fields)
    assert refused.status_code == 422
    assert sorted((fault["pointer"], fault["code"]) for fault in refused.json()["errors"]) == faults
    assert (await http.get(URL, headers=ours)).json()["data"] == []


async def test_an_entry_ends_when_it_was_said_to(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    ends = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    added = await post(http, ours, email="a@b.example", expires_at=ends.isoformat())
    assert datetime.fromisoformat(added.json()["data"]["expires_at"]) == ends
    longer = await post(http, ours, email="a@b.example", type="bounce")
    assert (longer.status_code, longer.json()["data"]["type"], longer.json()["data"]["expires_at"]) == (
        200, "bounce", None,
    )  # fmt: skip


@pytest.mark.parametrize("spares", [True, False])
async def test_critical_mail_is_spared_a_complaint_where_the_workspace_wants_so_and_nothing_else(
    suppressing: Suppressing, spares: bool
) -> None:
    """What stands beside the complaint still counts, whichever came first."""
    entities = Entities(suppressing.deployment.database("suppression"))
    workspace = {"name": "W", "owner_email": "o@w.example", "complaints_spare_critical": spares}
    await entities.put(Kind.WORKSPACE, "w1", "w1", workspace)
    now = datetime.now(UTC) - timedelta(minutes=1)

    def lesson(address: str, reason: Reason, second: int, place: Place) -> Lesson:
        return Lesson(place, address, reason, now + timedelta(seconds=second), NEVER, f"e{second}", {})

    own, platform = Place("w1"), Place()
    await suppressing.store.learn([
        lesson("only@b.example", Reason.COMPLAINT, 0, own),
        lesson("first@b.example", Reason.COMPLAINT, 0, own),
        lesson("first@b.example", Reason.HARD_BOUNCE, 1, own),
        lesson("last@b.example", Reason.HARD_BOUNCE, 0, own),
        lesson("last@b.example", Reason.COMPLAINT, 1, own),
        lesson("trap@b.example", Reason.COMPLAINT, 0, platform),
    ])  # fmt: skip
    await suppressing.store.add(own, "only2@b.example", Reason.COMPLAINT, None, None)
    await suppressing.store.add(own, "hand@b.example", Reason.COMPLAINT, None, None)
    await suppressing.store.add(own, "hand@b.example", Reason.MANUAL, None, None)
    names = ("only", "only2", "first", "last", "hand", "trap")
    critical = [a_message(f"{name}@b.example", lane=Lane.CRITICAL, stream=Stream.SECURITY) for name in names]
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.CRITICAL), *critical)
        passed = await suppressing.cleared(Lane.CRITICAL, len(critical))
        await suppressing.publish(routed(Lane.STANDARD), a_message("only@b.example"))
        standard = (await suppressing.cleared())["only@b.example"].verdict
    assert standard is not None
    assert standard.kind is VerdictKind.SUPPRESSED
    found = {name: passed[f"{name}@b.example"].verdict.reason for name in names}  # type: ignore[union-attr]
    if spares:
        assert found == {
            "only": None, "only2": None, "first": "hard_bounce", "last": "hard_bounce", "hand": "manual",
            "trap": "complaint",
        }  # fmt: skip
    else:
        assert set(found.values()) == {"complaint"}
