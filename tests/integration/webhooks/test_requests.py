"""What an endpoint's own settings make of its requests."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from shared.contracts.entities import Kind
from shared.contracts.events import Event, EventType
from shared.contracts.record import rfc3339
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver, Received
from tests.integration.webhooks.world import World, an_event, running_world


async def received(world: World, receiver: HttpReceiver, path: str, event: Event | None = None) -> Received:
    """The next request that comes of an event."""
    before = len(receiver.at(path))
    await world.publish(event or an_event(world.workspace_id))

    async def another() -> list[Received]:
        return receiver.at(path)[before:]

    return (await eventually(another))[0]


def verified(secret: str, request: Received) -> bool:
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_a_rotated_secret_signs_beside_the_new_one_until_its_end_and_is_erased_then(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    async with running_world(deployment, sweep_seconds=0.1) as world:
        made = await world.add_endpoint(receiver.url("/hook"))
        path = f"/v1/webhooks/{made['id']}"
        rotated = (await world.client.post(f"{path}/rotate")).json()
        ends = datetime.fromisoformat(rotated["previous_secret_until"])
        assert timedelta(hours=23) < ends - datetime.now(UTC) <= timedelta(hours=24)
        request = await received(world, receiver, "/hook")
        first, second = request.headers["webhook-signature"].split(" ")
        for secret, signature in ((rotated["secret"], first), (made["secret"], second)):
            alone = Received("/hook", {**request.headers, "webhook-signature": signature}, request.body)
            assert verified(secret, request)
            assert verified(secret, alone)

        entity = await world.entities.get(Kind.ENDPOINT, made["id"])
        assert entity is not None
        past = {**entity.data, "previous_until": rfc3339(datetime.now(UTC) - timedelta(seconds=1))}
        await world.entities.put(Kind.ENDPOINT, entity.id, entity.workspace_id, past)
        request = await received(world, receiver, "/hook")
        assert (verified(rotated["secret"], request), verified(made["secret"], request)) == (True, False)
        assert (await world.client.get(path)).json()["previous_secret_until"] is None

        async def erased() -> bool:
            now = await world.entities.get(Kind.ENDPOINT, made["id"])
            return now is not None and now.data["previous_secret"] is None is now.data["previous_until"]

        await eventually(erased)


async def test_without_an_overlap_and_after_a_second_rotation_the_oldest_secret_signs_no_more(
    world: World, receiver: HttpReceiver
) -> None:
    own = "whsec_" + base64.b64encode(b"brought along from elsewhere").decode()
    made = await world.add_endpoint(receiver.url("/hook"), secret=own)
    assert verified(own, await received(world, receiver, "/hook"))
    path = f"/v1/webhooks/{made['id']}/rotate"
    second = (await world.client.post(path)).json()["secret"]
    third = (await world.client.post(path)).json()["secret"]
    request = await received(world, receiver, "/hook")
    assert [verified(secret, request) for secret in (own, second, third)] == [False, True, True]
    last = (await world.client.post(path, json={"overlap_hours": 0})).json()["secret"]
    request = await received(world, receiver, "/hook")
    assert [verified(secret, request) for secret in (third, last)] == [False, True]


async def test_ed25519_is_verified_with_the_public_key_that_is_shown(world: World, receiver: HttpReceiver) -> None:
    made = await world.add_endpoint(receiver.url("/hook"), signature="ed25519")
    request = await received(world, receiver, "/hook")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_keys"][0].removeprefix("whpk_")))
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key.verify(base64.b64decode(request.headers["webhook-signature"].removeprefix("v1a,")), content)


@pytest.mark.parametrize("style", ["leadpush", "sendy"])
async def test_the_other_styles_sign_each_attempt_under_the_same_delivery(
    world: World, receiver: HttpReceiver, style: str
) -> None:
    receiver.script("/hook", Answer(500), Answer(200))
    made = await world.add_endpoint(receiver.url("/hook"), signature=style)
    event = an_event(world.workspace_id)
    await received(world, receiver, "/hook", event)

    async def both() -> bool:
        return len(receiver.at("/hook")) == 2

    await eventually(both)
    ids = set()
    for request in receiver.at("/hook"):
        signed = request.body
        if style == "leadpush":
            before = f"{request.headers['x-leadpush-timestamp']}.{request.headers['x-leadpush-delivery']}."
            signed = before.encode() + signed
            assert request.headers["user-agent"] == "Leadpush-Webhooks/1.0"
        expected = hmac.new(made["secret"].encode(), signed, hashlib.sha256).hexdigest()
        assert request.headers[f"x-{style}-signature"] == f"sha256={expected}"
        assert request.headers[f"x-{style}-event"] == "email.delivered"
        assert "webhook-signature" not in request.headers
        ids.add(str(UUID(request.headers[f"x-{style}-delivery"])))
    assert len(ids) == 1
    rotated = (await world.client.post(f"/v1/webhooks/{made['id']}/rotate")).json()
    assert rotated["previous_secret_until"] is None


async def test_method_headers_query_and_body_are_rendered_and_the_bytes_that_are_sent_are_signed(
    world: World, receiver: HttpReceiver
) -> None:
    fields: dict[str, Any] = {
        "method": "PUT",
        "headers": {"Authorization": "Bearer their-token", "X-Kind": "{{type}} für {{data.metadata.order}}"},
        "query": {"to": "{{data.recipient}}", "code": "{{data.code ?? 'none'}}"},
        "body": '{"text": "{{data.reply}}", "tags": {{data.tags}}, "missing": {{data.nothing}}}',
    }
    made = await world.add_endpoint(receiver.url("/hook?own=1"), **fields)
    event = an_event(world.workspace_id, EventType.BOUNCED, reply='no "such" user\n', code=550)
    request = await received(world, receiver, "/hook", event)
    assert request.method == "PUT"
    assert parse_qsl(request.query) == [("own", "1"), ("to", "ada@customer.test"), ("code", "550")]
    assert request.headers["authorization"] == "Bearer their-token"
    assert request.headers["x-kind"] == "email.bounced für 17"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"text": 'no "such" user\n', "tags": ["welcome"], "missing": None}
    assert verified(made["secret"], request)
    [attempt] = await eventually(lambda: world.posts(made["id"]))
    assert attempt["status"] == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_method_without_a_body_has_its_query_and_an_empty_one_signed(
    world: World, receiver: HttpReceiver, method: str
) -> None:
    made = await world.add_endpoint(
        receiver.url("/hook"), method=method, signature="sendy", query={"id": "{{data.message_id}}"}
    )
    event = an_event(world.workspace_id)
    request = await received(world, receiver, "/hook", event)
    assert (request.method, request.body, request.query) == (method, b"", f"id={event.message_id}")
    assert "content-type" not in request.headers
    expected = hmac.new(made["secret"].encode(), b"", hashlib.sha256).hexdigest()
    assert request.headers["x-sendy-signature"] == f"sha256={expected}"


async def test_the_longest_excerpt_is_kept_and_its_beginning_published(world: World, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(200, body=b"x" * 5000))
    made = await world.add_endpoint(receiver.url("/hook"))
    await world.publish(an_event(world.workspace_id))
    [attempt] = await eventually(lambda: world.posts(made["id"]))
    assert attempt["excerpt"] == "x" * 4096
    [record] = await world.published(1)
    assert record.excerpt == "x" * 1024
