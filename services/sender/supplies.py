"""What a delivery needs beside its record: content, the way out, and the key that signs. Read for whole batches."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from services.sender.arrivals import Held
from services.sender.mail.dkim import Signer
from services.sender.returns.paths import ReturnPaths
from services.sender.settings import Settings
from services.sender.smtp.peers import Credentials, Egress
from shared.addresses import domain_of
from shared.content import LOADED_BYTES, Content, ContentStore
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache
from shared.secrets import SecretBox, UnsealError

log = structlog.get_logger(__name__)
LARGEST_KEYRING = 10_000
UNUSABLE = (UnsealError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Supply:
    """What was found for one delivery. `content` is None where it is gone; a large one's files are left in the store.

    `signers` are those of the sending domain, then the platform's. `behind` names the configuration whose copy here is
    too old or cannot be used: nothing goes out unsigned. `return_domain` is where answers to it come back to, None
    where it has nowhere but its From.
    """

    content: Content | None = None
    egress: Egress | None = None
    signers: Sequence[Signer] = ()
    behind: str | None = None
    return_domain: str | None = None


class Supplies:
    """Reads contents, transports and domains; keeps opened keys."""

    def __init__(
        self,
        contents: ContentStore,
        cache: EntityCache,
        box: SecretBox,
        settings: Settings,
        platform: Signer | None = None,
    ) -> None:
        self._contents = contents
        self._cache = cache
        self._box = box
        self._settings = settings
        self._platform = platform
        self._signers: dict[tuple[str, int], Sequence[Signer]] = {}
        self._returns = ReturnPaths(cache, settings.returns_domain)

    async def fetch(self, deliveries: Sequence[Held]) -> list[Supply]:
        """One supply for each delivery, in order: one query for the contents, entities from memory."""
        messages = [held.message for held in deliveries]
        transports: dict[str, int] = {}
        for message in messages:
            if (route := message.route) is not None:
                transports[route.transport] = max(transports.get(route.transport, 0), route.transport_version)
        contents, ways, signers, returns = await asyncio.gather(
            self._contents.load((message.content_id for message in messages), LOADED_BYTES),
            self._cache.many(Kind.TRANSPORT, transports),
            self._signers_of(messages),
            self._returns.of(messages),
        )
        return [
            self._supply(message, contents.get(message.content_id), ways, signers, return_domain)
            for message, return_domain in zip(messages, returns, strict=True)
        ]

    async def limits(self, destinations: Collection[str]) -> dict[str, int]:
        """How many connections each destination allows: its transport says, else the setting."""
        transports = {destination.partition("|")[0]: 0 for destination in destinations}
        ways = await self._cache.many(Kind.TRANSPORT, transports)
        usual = self._settings.destination_connections
        return {
            destination: ways[id_].data.get("max_connections", usual) if id_ in ways else usual
            for destination, id_ in ((each, each.partition("|")[0]) for each in destinations)
        }

    def _supply(
        self,
        message: Message,
        content: Content | None,
        ways: dict[str, Entity],
        signers: dict[tuple[str, str], Sequence[Signer]],
        return_domain: str | None,
    ) -> Supply:
        assert message.route is not None
        way = ways.get(message.route.transport)
        if way is None or way.version < message.route.transport_version:
            return Supply(behind="transport")
        signing = signers.get((message.workspace_id, domain_of(message.sender)))
        if not signing:
            return Supply(behind="domain")
        try:
            egress = self._egress(message, way)
        except UNUSABLE as error:
            log.error("transport cannot be used", transport=way.id, error=type(error).__name__)
            return Supply(behind="transport")
        return Supply(content, egress, signing, return_domain=return_domain)

    async def _signers_of(self, messages: Sequence[Message]) -> dict[tuple[str, str], Sequence[Signer]]:
        """Each sending domain's signers; none where the copy of the domain is older than the message knew it."""
        wanted: dict[tuple[str, str], int] = {}
        for message in messages:
            key = (message.workspace_id, domain_of(message.sender))
            wanted[key] = max(wanted.get(key, 0), message.versions.domain)
        found = await asyncio.gather(*(self._signer(*key, version) for key, version in wanted.items()))
        return dict(zip(wanted, found, strict=True))

    async def _signer(self, workspace_id: str, domain: str, at_least: int) -> Sequence[Signer]:
        entity = await self._cache.find_one(Kind.DOMAIN, "name", domain, workspace_id)
        if entity is None or entity.version < at_least:
            return ()
        key = (entity.id, entity.version)
        if key not in self._signers:
            if len(self._signers) >= LARGEST_KEYRING:
                self._signers.clear()
            try:
                self._signers[key] = self._open(entity)
            except UNUSABLE as error:
                # one bad key holds up its own messages, not their neighbours in the batch
                log.error("signing key cannot be used", domain=entity.id, error=type(error).__name__)
                return ()
        return self._signers[key]

    def _open(self, entity: Entity) -> Sequence[Signer]:
        """The keys that ingest's rotation calls active, the RSA key first: it is never left out."""
        name, selectors = entity.data["name"], [entity.data["active"]]
        if (another := entity.data.get("active_ed25519")) is not None:
            selectors.append(another)
        keys = {pair["selector"]: pair["private_key"] for pair in entity.data["keys"]}
        signers = [Signer(name, each, self._box.open(keys[each], f"dkim:{entity.id}")) for each in selectors]
        if self._platform is not None and self._platform.domain != name:
            signers.append(self._platform)
        return signers

    def _egress(self, message: Message, way: Entity) -> Egress:
        assert message.route is not None
        data = way.data
        credentials = None
        if data.get("username") and data.get("password"):
            password = self._box.open(data["password"], f"transport:{way.id}").decode()
            credentials = Credentials(data["username"], password)
        return Egress(
            transport=way.id,
            transport_version=way.version,
            hosts=tuple(message.route.hosts),
            tls=message.route.tls,
            ehlo_name=data.get("ehlo_name") or self._settings.ehlo_name,
            rollup=message.route.rollup,
            relayed=message.route.kind == "smarthost",
            credentials=credentials,
            source=self._settings.source_address,
            max_deliveries_per_connection=data.get("max_per_connection", 100),
            domain=domain_of(message.recipient) if message.route.mx else None,
            dane=self._settings.dane and message.route.mx == "authentic",
        )
