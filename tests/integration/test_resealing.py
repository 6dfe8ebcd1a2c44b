"""`posthorn reseal`: after it the former encryption key is needed nowhere, and the copies follow."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.ingest.domains.keys import KeyMaker
from services.resealing.places import ADDRESSES, PLACES
from services.resealing.store import reseal as run
from services.roles import SERVICES
from services.suppression.erasing.store import ErasureStore
from services.suppression.rules import Place, Reason
from services.suppression.store import Suppressions
from services.webhooks.request_rules import OwnRequest
from services.webhooks.sealing import Seals
from shared.contracts.entities import DkimKeyPair, EntityChange, KeyState, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity
from shared.mongo.erasures import ErasureLog
from shared.secrets import SecretBox
from shared.settings import SharedSettings
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.erasures import an_erase
from tests.integration.test_cli import Command

WORKSPACE, PERSON = uuid7(), "ann@acme.example"
UNTIL = (datetime.now(UTC) + timedelta(days=1)).isoformat()
OWN = OwnRequest("PUT", {"authorization": "Bearer abc"}, {}, None)


class Estate:
    """Something sealed in every place there is, with the key that the deployment was made with."""

    def __init__(self, deployment: Deployment, publisher: Publisher) -> None:
        self.deployment, self.publisher = deployment, publisher
        self.box = deployment.shared.secret_box
        self.entities = {
            kind: Entities(deployment.database(service))
            for kind, service in ((Kind.DOMAIN, "ingest"), (Kind.TRANSPORT, "router"), (Kind.ENDPOINT, "webhooks"))
        }
        self.ids = {kind: uuid7() for kind in self.entities}

    async def fill(self) -> None:
        made = KeyMaker(self.box).sealed(self.ids[Kind.DOMAIN], "s1", "PEM", "pub", KeyState.ACTIVE)
        revoked = DkimKeyPair(selector="s0", public_key="", private_key="", state=KeyState.REVOKED)
        await self._put(Kind.DOMAIN, name="acme.example", keys=[made.model_dump(), revoked.model_dump()])
        id_ = self.ids[Kind.TRANSPORT]
        await self._put(Kind.TRANSPORT, name="k1.no secret", password=self.box.seal(b"pw", f"transport:{id_}"))
        id_, seals = self.ids[Kind.ENDPOINT], Seals(self.box)
        sealed = {name: seals.seal_secret(id_, name) for name in ("secret", "previous_secret")}
        templates = seals.seal_templates(id_, OWN)
        await self._put(Kind.ENDPOINT, method="PUT", templates=templates, previous_until=UNTIL, **sealed)
        await self._suppressions(self.box).add(Place(WORKSPACE), PERSON, Reason.MANUAL, None, None)
        erase = an_erase(self.deployment, PERSON, WORKSPACE)
        asked = {"_id": erase.erasure_id, "workspace_id": WORKSPACE, "address_hmac": erase.address_hmac}
        erasures = ErasureStore(self.deployment.database("suppression"), self.publisher)
        await erasures.add({**asked, "address": erase.address, "by": "k1"})
        for service in SERVICES:
            await ErasureLog(self.deployment.database(service)).hear([erase])

    async def opened(self, box: SecretBox) -> list[Any]:
        """What the services would see with the keys of this box alone. Raises UnsealError."""
        domain, transport, endpoint = [await self.entity(kind) for kind in self.entities]
        pair, _ = map(DkimKeyPair.model_validate, domain.data["keys"])
        seals = Seals(box)
        found: list[Any] = [
            KeyMaker(box).opened(domain.id, pair),
            box.open(transport.data["password"], f"transport:{transport.id}"),
            seals.secret(endpoint.id, endpoint.data),
            seals.previous_secret(endpoint.id, endpoint.data, datetime.now(UTC)),
            seals.request(endpoint.id, endpoint.data),
        ]
        for (service, name), purpose_of in ADDRESSES.items():
            (document,) = await self.deployment.database(service)[name].find().to_list(None)
            found.append(box.open(document["address"], purpose_of(document["_id"])))
        return found

    async def entity(self, kind: Kind) -> Entity:
        found = await self.entities[kind].get(kind, self.ids[kind])
        assert found is not None
        return found

    def _suppressions(self, box: SecretBox) -> Suppressions:
        database = self.deployment.database("suppression")
        return Suppressions(database, self.deployment.shared.pepper_bytes, box, self.publisher)

    async def _put(self, kind: Kind, **data: Any) -> None:
        await self.entities[kind].put(kind, self.ids[kind], WORKSPACE, data)


@pytest.fixture
async def estate(deployment: Deployment) -> AsyncIterator[Estate]:
    await deployment.prepare(*SERVICES, topics=(CONFIG_CHANGES,))
    publisher = Publisher(deployment.shared, "test")
    await publisher.connect()
    made = Estate(deployment, publisher)
    await made.fill()
    yield made
    await publisher.close()


async def reseal(
    deployment: Deployment, home: Path, key: bytes, *others: str
) -> tuple[int, dict[str, tuple[int, int, int]]]:
    """The exit code, and by place what was sealed again, sealed already and opened by no key."""
    keys = {
        "POSTHORN_ENCRYPTION_KEY": base64.b64encode(key).decode(),
        "POSTHORN_OTHER_ENCRYPTION_KEYS": ",".join(others),
    }
    code, out, err = await Command(deployment, home)("reseal", "--json", **keys)
    assert err == ""
    return code, {each["place"]: (each["again"], each["present"], each["closed"]) for each in json.loads(out)}


async def test_what_a_former_key_has_sealed_opens_with_the_new_one_alone(
    deployment: Deployment, estate: Estate, tmp_path: Path
) -> None:
    former, new = str(deployment.environment["encryption_key"]), secrets.token_bytes(32)
    before = await estate.opened(estate.box)
    places = [f"{service}.{name}" for service, name in PLACES]
    assert await reseal(deployment, tmp_path, new) == (1, dict.fromkeys(places, (0, 0, 1)))
    assert await estate.opened(estate.box) == before
    assert await reseal(deployment, tmp_path, new, former) == (0, dict.fromkeys(places, (1, 0, 0)))
    assert await reseal(deployment, tmp_path, new, former) == (0, dict.fromkeys(places, (0, 1, 0)))
    assert await estate.opened(SecretBox(new)) == before
    assert before == ["PEM", b"pw", "secret", "previous_secret", OWN, *[PERSON.encode()] * len(ADDRESSES)]


async def test_the_copies_get_the_next_version(deployment: Deployment, estate: Estate, tmp_path: Path) -> None:
    for kind, entities in estate.entities.items():
        await entities.outbox(kind, estate.publisher).sweep(older_than=0)
    await reseal(deployment, tmp_path, secrets.token_bytes(32), str(deployment.environment["encryption_key"]))
    for kind, entities in estate.entities.items():
        await entities.outbox(kind, estate.publisher).sweep(older_than=0)
        assert (await estate.entity(kind)).version == 2
    told = [EntityChange.decode(record.value or b"") for record in await deployment.records(CONFIG_CHANGES, 6)]
    for kind in estate.entities:
        first, second = sorted((each for each in told if each.kind == kind), key=lambda change: change.version)
        assert (first.version, second.version) == (1, 2)
        assert first.data != second.data


async def test_whoever_changes_an_entity_at_the_same_time_comes_first(
    deployment: Deployment, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, put, meanwhile = secrets.token_bytes(32), Entities.put, [Kind.DOMAIN, Kind.TRANSPORT]

    async def put_late(entities: Entities, kind: Kind, id_: str, workspace_id: str, data: Any, **other: Any) -> Any:
        if kind in meanwhile:
            meanwhile.remove(kind)
            found = await estate.entity(kind)
            await put(
                entities, kind, id_, workspace_id, found.data | {"name": "changed"}, deleted=kind is Kind.TRANSPORT
            )
        return await put(entities, kind, id_, workspace_id, data, **other)

    monkeypatch.setattr(Entities, "put", put_late)
    keys = {"encryption_key": base64.b64encode(new).decode()}
    keys["other_encryption_keys"] = deployment.environment["encryption_key"]
    domains, transports, *_ = await run(deployment.client, deployment.settings(SharedSettings, **keys))
    assert (domains.again, transports.again) == (1, 0)
    domain, transport = await estate.entity(Kind.DOMAIN), await estate.entity(Kind.TRANSPORT)
    assert (domain.version, domain.data["name"], transport.deleted) == (3, "changed", True)
    assert SecretBox(new).open(domain.data["keys"][0]["private_key"], f"dkim:{domain.id}") == b"PEM"
