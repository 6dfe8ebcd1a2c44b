"""The five services run from the image as nobody in particular, and carry a message."""

from __future__ import annotations

import json
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from deploy.local.sink import Sink
from shared.contracts.topics import all_topics
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import open_http_receiver
from tests.fixtures.real_process import HOST, free_port
from tests.image.container import SECRETS, Image, proc

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]

SPECS = {
    "ingest": "ingest:http,relay,projector",
    "router": "router",
    "suppression": "suppression",
    "sender": "sender:http,deliver",
    "webhooks": "webhooks",
}
OWN_KEYS = ("pepper", "token_key", "encryption_key", "operator_token")


@dataclass
class Prepared:
    """The image with keys, topics and indexes of a deployment."""

    image: Image
    keys: Path
    settings: dict[str, str]


@pytest.fixture
async def prepared(image: Image, deployment: Deployment, tmp_path: Path) -> Prepared:
    keys = tmp_path / "keys"
    keys.mkdir()
    kept = {name: value for name, value in deployment.environment.items() if name not in OWN_KEYS}
    settings = {f"POSTHORN_{name.upper()}": str(value) for name, value in kept.items()}
    settings |= {
        "POSTHORN_PROFILE": "production",
        "POSTHORN_SECRETS_DIR": SECRETS,
        "POSTHORN_TOPIC_PARTITIONS": "1",
        "POSTHORN_ALLOW_PRIVATE_TARGETS": "true",
        "POSTHORN_MTA_STS": "false",
    }
    deployment.topics |= {topic.name for topic in all_topics()}
    made = image.posthorn("keys", SECRETS, keys=keys, user=(0, 10001))
    assert len(made.splitlines()) == 4
    image.posthorn("topics", keys=keys, **settings)
    image.posthorn("indexes", keys=keys, **settings)
    return Prepared(image, keys, settings)


async def test_five_services_carry_a_message_to_its_host_and_tell_of_it(prepared: Prepared, tmp_path: Path) -> None:
    image, keys = prepared.image, prepared.keys
    sink = Sink()
    ports = {name: (free_port(), free_port()) for name in SPECS}
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(sink.open(HOST, 0))
        receiver = await stack.enter_async_context(open_http_receiver())
        settings = prepared.settings | {
            "POSTHORN_STATIC_MX": json.dumps({"*": [f"{HOST}:{mail}"]}),
            "POSTHORN_PUBLIC_URL": f"http://{HOST}:{ports['ingest'][0]}",
        }
        pids: dict[str, int] = {}
        for name, spec in SPECS.items():
            port, health = map(str, ports[name])
            own = settings | {"POSTHORN_HTTP_PORT": port, "POSTHORN_HEALTH_PORT": health}
            log = tmp_path / f"{name}.log"
            pids[name] = await stack.enter_async_context(image.running("run", spec, keys=keys, log=log, **own))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        for name, (_, health) in ports.items():
            await eventually(lambda at=health: _is_ready(http, at), seconds=300, every=0.5, what=f"{name} ready")  # type: ignore[misc]
            _is_nobody(pids[name])
            checked = image.config["Healthcheck"]["Test"][1:]
            assert image.run(*checked, keys=keys, POSTHORN_HEALTH_PORT=str(health)).returncode == 0
            assert image.run(*checked, keys=keys, POSTHORN_HEALTH_PORT=str(free_port())).returncode == 1

        sender = f"no-reply@d{secrets.token_hex(4)}.example"
        home = json.loads(image.posthorn("bootstrap", "acme", "--sender", sender, "--json", keys=keys, **settings))
        http.headers["Authorization"] = f"Bearer {home['api_key']}"
        asked = {"url": receiver.url("/hook"), "events": ["email.delivered"]}
        hook = await http.post(f"http://{HOST}:{ports['webhooks'][0]}/v1/webhooks", json=asked)
        assert hook.status_code == 201, hook.text
        recipient = f"ann+{secrets.token_hex(4)}@anywhere.example.org"
        body = {"from": sender, "to": [recipient], "subject": "Your code", "text": "482910"}
        accepted = await http.post(f"{home['base_url']}/v1/emails", json=body)
        assert accepted.status_code == 202, accepted.text
        (message,) = accepted.json()["data"]["messages"]

        async def delivered() -> bool:
            shown = await http.get(f"{home['base_url']}/v1/emails/{message['uuid']}")
            return shown.status_code == 200 and shown.json()["status"] == "delivered"

        await eventually(delivered, seconds=300, every=0.2, what="the message delivered")
        (arrived,) = sink.mailbox.newest(recipient, 10)
        assert b"482910" in arrived.raw
        assert b"DKIM-Signature:" in arrived.raw

        async def told() -> bool:
            return bool(receiver.at("/hook"))

        await eventually(told, seconds=300, every=0.2, what="the webhook")
        (webhook,) = receiver.at("/hook")
        verified = Webhook(hook.json()["secret"]).verify(webhook.body, webhook.headers)
        assert (verified["type"], verified["data"]["message_id"]) == ("email.delivered", message["uuid"])


async def test_the_root_is_read_only_and_tmp_is_not(image: Image, tmp_path: Path) -> None:
    for place, works in (("/opt/posthorn/x", False), ("/var/tmp/x", False), ("/run/x", False), ("/tmp/x", True)):
        assert (image.run("touch", place, keys=tmp_path).returncode == 0) == works, place
    refused = image.run("touch", "/opt/posthorn/x", keys=tmp_path, user=(0, 0))
    assert "Read-only file system" in refused.stderr
    assert not (image.root / "tmp" / "x").exists()


def _is_nobody(pid: int) -> None:
    """The process has the user's ids, and may do nothing that the user may not."""
    status = dict(line.split(":\t", 1) for line in proc(pid, "status").splitlines() if ":\t" in line)
    assert {status["Uid"], status["Gid"]} == {"\t".join(["10001"] * 4)}
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {f"{0:016x}"}
    assert status["NoNewPrivs"] == "1"
    assert status["NSpid"].split()[-1] == "1", "it gets the engine's signals itself"


async def _is_ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://{HOST}:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False
