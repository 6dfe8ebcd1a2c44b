"""Erasures asked for by API: the command on Kafka, the certificate, and what suppresses the person from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.contracts.commands import Asked
from shared.contracts.erasures import Erase, Erased
from shared.contracts.topics import COMMANDS, EVENTS, Lane, routed
from tests.fixtures.deployment import eventually
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.messages import a_message
from tests.integration.suppression.conftest import OPERATOR, Suppressing, a_bounce, post

URL, PLATFORM = "/v1/erasures", "/v1/platform/erasures"
QUICK = {"erasure_settle_seconds": 0.2, "erasure_ask_again_seconds": 0.3, "sweep_seconds": 0.1, "standard_wait_ms": 10}
OTHERS = ("ingest", "router", "sender", "webhooks")
ANN = "Ann.Person@b.example"


@pytest.fixture
async def http(suppressing: Suppressing) -> AsyncIterator[httpx.AsyncClient]:
    async with suppressing.running("http", "check", **QUICK) as client:
        yield client


async def commands(suppressing: Suppressing, times: int = 1) -> list[Erase]:
    async def there() -> list[Erase]:
        found = [Asked.decode(record.value).erase for record in await suppressing.deployment.records(COMMANDS)]
        asked = [each for each in found if each is not None]
        return asked if len(asked) >= times else []

    return await eventually(there, what="the command")


def word(erase: Erase, service: str, **counts: int) -> tuple[str, bytes, dict[str, str]]:
    now = datetime.now(UTC)
    done = Erased(erasure_id=erase.erasure_id, service=service, counts=counts, began_at=now, occurred_at=now)
    return erase.address_hmac, done.encode(), {}


async def reaches(http: httpx.AsyncClient, key: dict[str, str], id_: str, state: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        shown = (await http.get(f"{URL}/{id_}", headers=key)).json()
        return shown if shown["state"] == state else None

    found = await eventually(there, what=f"the state {state}")
    assert found is not None
    return found


async def test_an_erasure_is_final_when_all_have_confirmed_and_the_topics_are_over(
    suppressing: Suppressing, http: httpx.AsyncClient
) -> None:
    key = await suppressing.key("w1", "admin", "suppressions")
    await post(http, key, email=ANN, reason=f"wrote as {ANN}")
    await suppressing.publish(EVENTS, a_bounce("bob@b.example"))
    asked = await http.post(URL, json={"email": ANN, "reason": f"case 7 of {ANN.upper()}"}, headers=key)
    assert asked.status_code == 202, asked.text
    made = asked.json()
    assert (made["state"], made["reason"]) == ("running", f"case 7 of {made['address_hmac']}@erased.invalid")
    assert sorted(made["waiting_for"]) == sorted((*OTHERS, "suppression"))

    (erase, *_) = await commands(suppressing, times=2)  # nobody has confirmed: all are asked again
    assert (erase.workspace_id, erase.address_hmac) == ("w1", made["address_hmac"])
    assert b"person" not in erase.encode().lower()
    for service in OTHERS[:-1]:
        await suppressing.deployment.publish(COMMANDS, [word(erase, service, messages=2)])

    async def all_but_one() -> bool:
        return (await http.get(f"{URL}/{made['id']}", headers=key)).json()["waiting_for"] == ["webhooks"]

    await eventually(all_but_one, what="four words")
    await suppressing.deployment.publish(COMMANDS, [word(erase, "webhooks"), word(erase, "webhooks", attempts=9)])
    done = await reaches(http, key, made["id"], "redacted")
    did = {each["service"]: each["counts"] for each in done["services"]}
    assert did["ingest"] == {"messages": 2}
    assert did["suppression"] == {"suppressions_by_hmac": 1, "suppressions_deleted": 0}
    assert did["webhooks"] == {}
    assert done["topics_until"] > done["redacted_at"]
    assert (await http.get(URL, headers=key)).json()["data"] == [done]
    over = suppressing.running("http", erasure_topics_hours=1e-9)
    async with over as later:
        assert (await later.get(f"{URL}/{made['id']}", headers=key)).json()["state"] == "final"

    shown = (await http.get(f"/v1/suppressions/{ANN}", headers=key)).json()["data"]
    assert (shown["type"], shown["email"], shown["evidence"]) == ("erasure", None, {})
    assert await stored_with(suppressing.deployment.client, suppressing.deployment.prefix, spellings(ANN)) == []


async def test_what_comes_late_teaches_nothing_and_is_not_sent(
    suppressing: Suppressing, http: httpx.AsyncClient
) -> None:
    key = await suppressing.key("w1", "admin", "suppressions")
    before, bounces = a_message(ANN, metadata={"name": "Ann"}), [a_bounce(ANN), a_bounce(ANN, "mailbox_full")]
    made = (await http.post(URL, json={"email": ANN}, headers=key)).json()
    known = suppressing.deployment.database("suppression")["known_erasures"]
    await eventually(lambda: known.count_documents({"ended_at": {"$exists": True}}), what="the erasure's last pass")
    after, other = a_message(ANN), a_message(ANN, workspace_id="w2")
    await suppressing.publish(routed(Lane.STANDARD), before, after, other)
    passed = await suppressing.cleared(at_least=3)
    erased = passed.pop(f"{made['address_hmac']}@erased.invalid")
    assert erased.message_id == before.message_id
    assert erased.metadata == {}
    assert erased.verdict is not None
    assert (erased.verdict.kind, erased.verdict.reason) == ("suppressed", "erasure")
    assert {one.verdict.reason for one in passed.values() if one.verdict} <= {"erasure", None}
    told = [*bounces, a_bounce("bob@b.example")]  # under one key, so that the last is read last
    await suppressing.deployment.publish(EVENTS, [(before.message_id, each.encode(), {}) for each in told])
    entries, strikes = (suppressing.deployment.database("suppression")[name] for name in ("suppressions", "strikes"))
    await eventually(lambda: entries.count_documents({"standing.reason": "hard_bounce"}), what="what the other taught")
    assert (await entries.count_documents({}), await strikes.count_documents({})) == (2, 0)


async def test_the_operator_erases_in_every_workspace_and_nobody_sees_anothers(
    suppressing: Suppressing, http: httpx.AsyncClient
) -> None:
    operator, bounce = {"authorization": f"Bearer {OPERATOR}"}, a_bounce(ANN)
    first, second = await suppressing.key("w1", "admin", "suppressions"), await suppressing.key("w2", "admin")
    await post(http, first, email=ANN, reason=ANN)
    made = (await http.post(PLATFORM, json={"email": ANN}, headers=operator)).json()
    (erase, *_) = await commands(suppressing)
    assert (erase.workspace_id, made["scope"]) == (None, "platform")

    async def gone() -> bool:
        found = await stored_with(suppressing.deployment.client, suppressing.deployment.prefix, spellings(ANN))
        return not found and not await entries.count_documents({"address": {"$exists": True}})

    entries = suppressing.deployment.database("suppression")["suppressions"]
    await eventually(gone, what="the workspace's entry to go")
    assert [each["workspace_id"] async for each in entries.find({})] == [None]
    told = (bounce, a_bounce("bob@b.example"))  # under one key, so that the last is read last
    await suppressing.deployment.publish(EVENTS, [(bounce.message_id, each.encode(), {}) for each in told])
    await eventually(lambda: entries.count_documents({"standing.reason": "hard_bounce"}), what="what the other taught")
    assert await entries.count_documents({}) == 2
    for key in (first, second):
        assert (await http.get(f"{URL}/{made['id']}", headers=key)).status_code == 404
    assert (await http.get(f"{PLATFORM}/{made['id']}", headers=operator)).json()["id"] == made["id"]
    refused = await http.post(URL, json={"email": "no address"}, headers=second)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/email")
