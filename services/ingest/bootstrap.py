"""The first workspace, key and sender of a Posthorn, and the wait until every service knows them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.ingest.accounts.changes import COMMAND, Changes
from services.ingest.accounts.credentials import SmtpCredentials
from services.ingest.accounts.workspaces import EVERY_FEATURE, Made, Workspaces
from services.ingest.domains.declaring import SELECTOR
from services.ingest.domains.records import dkim_name
from services.ingest.settings import Settings
from shared.addresses import Mailbox
from shared.contracts.entities import Kind, Sender, Workspace
from shared.dkim_keys import txt_record
from shared.kafka.connection import KafkaConnection
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache

CONNECT_SECONDS = 15.0
KNOWN_SECONDS = 60.0
POLL_SECONDS = 0.1
EVERYWHERE = (Kind.WORKSPACE, Kind.API_KEY)
COPIES = {
    "router": EVERYWHERE,
    "suppression": (*EVERYWHERE, Kind.DOMAIN),
    "sender": (*EVERYWHERE, Kind.DOMAIN),
    "webhooks": EVERYWHERE,
}


class NotKnownError(Exception):
    """A service does not have the new entities in time: it does not run, or is far behind."""


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What was made; `dkim_name` and `dkim_text` are the TXT record that the domain's DNS has to show."""

    workspace_id: str
    api_key: str
    sender: str
    smtp_user: str
    smtp_password: str
    dkim_name: str
    dkim_text: str
    made: tuple[Made, ...]


async def bootstrap(name: str, mailbox: Mailbox, settings: Settings) -> Bootstrapped:
    """Makes a workspace with every feature, a key with every scope, an SMTP credential, and a verified sender of a
    verified domain."""
    client = make_client(settings)
    try:
        async with KafkaConnection(settings, "bootstrap") as kafka:
            await _connected(kafka)
            entities = Entities(open_database(client, settings.database("ingest")))
            changes = Changes(EntityCache(entities), kafka.publisher, settings.audit_days)
            credentials = SmtpCredentials(changes, settings.pepper_bytes)
            return await _make(name, mailbox, Workspaces(entities, kafka.publisher, settings), credentials)
    finally:
        client.close()


async def _connected(kafka: KafkaConnection) -> None:
    """Without Kafka the entities are written all the same, and published by the relay's sweep."""
    try:
        await asyncio.wait_for(kafka.connected.wait(), CONNECT_SECONDS)
    except TimeoutError:
        return


async def _make(name: str, mailbox: Mailbox, workspaces: Workspaces, credentials: SmtpCredentials) -> Bootstrapped:
    workspace = await workspaces.create(
        Workspace(name=name, owner_email=mailbox.address, features=list(EVERY_FEATURE), default_sender=mailbox.address)
    )
    domain, public_key = await workspaces.create_domain(workspace.id, mailbox.domain, verified=True)
    sender = await workspaces.create_sender(
        workspace.id, Sender(address=mailbox.address, name=mailbox.name, verified=True, domain_id=domain.id)
    )
    key = await workspaces.create_api_key(workspace.id, "bootstrap")
    assert key.secret is not None
    credential, password = await credentials.create(COMMAND, workspace.id, "bootstrap")
    return Bootstrapped(
        workspace_id=workspace.id,
        api_key=key.secret,
        sender=mailbox.address,
        smtp_user=credential.data["user"],
        smtp_password=password,
        dkim_name=dkim_name(SELECTOR, mailbox.domain),
        dkim_text=txt_record(public_key),
        made=(workspace, domain, sender, key),
    )


async def wait_until_known(made: tuple[Made, ...], settings: Settings, seconds: float = KNOWN_SECONDS) -> None:
    """Returns when each service's copy has what it needs of `made`; raises NotKnownError after `seconds`."""
    client = make_client(settings)
    try:
        end = asyncio.get_running_loop().time() + seconds
        missing = set(COPIES)
        while missing:
            known = [
                name for name in missing if await _knows(Entities(open_database(client, settings.database(name))), [
                    one for one in made if one.kind in COPIES[name]
                ])
            ]  # fmt: skip
            missing -= set(known)
            if missing and asyncio.get_running_loop().time() > end:
                raise NotKnownError(f"{', '.join(sorted(missing))} did not hear of it within {seconds:g} s")
            if missing:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        client.close()


async def _knows(copy: Entities, wanted: list[Made]) -> bool:
    for one in wanted:
        entity = await copy.get(one.kind, one.id)
        if entity is None or entity.version < one.version:
            return False
    return True
