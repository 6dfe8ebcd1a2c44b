"""The composed service: its roles together, from the request to the topic."""

from __future__ import annotations

import httpx

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.api import create_api
from shared.contracts.messages import Message
from shared.contracts.topics import LIVE, STAGE_REPORTS, Lane, accepted
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import open_door, send


async def test_what_is_accepted_at_the_door_is_published_and_found_again(deployment: Deployment) -> None:
    await deployment.prepare("ingest", topics=(*LIVE, STAGE_REPORTS))
    async with open_door(deployment) as door:
        service = create_app(deployment.settings(Settings), {"http", "relay", "projector"})
        transport = httpx.ASGITransport(create_api(service.routers))
        headers = {"Authorization": f"Bearer {door.key}"}
        async with (
            service.run(),
            httpx.AsyncClient(transport=transport, base_url="http://posthorn", headers=headers) as http,
        ):
            shown = {}
            for stream in ("product", "authentication"):
                reply = await http.post("/v1/emails", json=send(stream=stream))
                assert reply.status_code == 202, reply.text
                shown[stream] = reply.json()["data"]["messages"][0]["uuid"]
            for stream, lane in (("product", Lane.STANDARD), ("authentication", Lane.CRITICAL)):
                [record] = await deployment.records(accepted(lane), at_least=1)
                message = Message.decode(record.value)
                assert (message.message_id, message.stream) == (shown[stream], stream)
                assert record.key == shown[stream].encode()

            async def found() -> bool:
                replies = [await http.get(f"/v1/emails/{uuid}") for uuid in shown.values()]
                return all(reply.status_code == 200 for reply in replies)

            await eventually(found)
            await eventually(service.ready)
