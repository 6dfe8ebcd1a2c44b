"""What a delivery needs beside its record: content, the way out, and the key that signs. Read for whole batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from services.sender.arrivals import Held
from services.sender.destinations.name import parse
from services.sender.destinations.ways import Ways
from services.sender.mail.dkim import Signer
from services.sender.returns.paths import ReturnPaths
from services.sender.settings import Settings
from services.sender.smtp.peers import Credentials, Egress
from shared.addresses import domain_of
from shared.content import LOADED_BYTES, Content, ContentStore
from shared.contracts.entities import Kind
from shared.contracts.messages import Message, TlsMode
from shared.contracts.purposes import dkim_purpose, transport_purpose
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
    where it has nowhere but its From. `full` says that its source has sent what it may today.
    """

    content: Content | None = None
    egress: Egress | None = None
    signers: Sequence[Signer] = ()
    behind: str | None = None
    return_domain: str | None = None
    full: bool = False


class Supplies:
    """Reads contents, transports and domains; keeps opened keys."""

    def __init__(
        self,
        contents: ContentStore,
        cache: EntityCache,
        box: SecretBox,
        settings: Settings,
        ways: Ways,
        platform: Signer | None = None,
    ) -> None:
        self._contents = contents
        self._cache = cache
        self._box = box
        self._settings = settings
        self._ways = ways
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
            self._supply(held, contents.get(held.message.content_id), ways, signers, return_domain)
            for held, return_domain in zip(deliveries, returns, strict=True)
        ]

    def _supply(
        self,
        held: Held,
        content: Content | None,
        ways: dict[str, Entity],
        signers: dict[tuple[str, str], Sequence[Signer]],
        return_domain: str | None,
    ) -> Supply:
        message = held.message
        assert message.route is not None
        way = ways.get(message.route.transport)
        if way is None or way.version < message.route.transport_version:
            return Supply(behind="transport")
        if parse(held.destination).source not in (self._ways.sources_of(way) or (None,)):
            return Supply(behind="source")
        signing = signers.get((message.workspace_id, domain_of(message.sender)))
        if not signing:
            return Supply(behind="domain")
        try:
            egress = self._egress(held, way)
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
        entity = await self._cache.find_one(Kind.DOMAIN, "name", domain, workspace_id, at_least=at_least)
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
        signers = [Signer(name, each, self._box.open(keys[each], dkim_purpose(entity.id))) for each in selectors]
        if self._platform is not None and self._platform.domain != name:
            signers.append(self._platform)
        return signers

    def _egress(self, held: Held, way: Entity) -> Egress:
        message, data = held.message, way.data
        assert message.route is not None
        destination = parse(held.destination)
        limits = self._ways.limits_of(destination, way)
        source = self._ways.sources_of(way)[destination.source] if destination.source else None
        credentials = None
        if data.get("username") and data.get("password"):
            password = self._box.open(data["password"], transport_purpose(way.id)).decode()
            credentials = Credentials(data["username"], password)
        return Egress(
            transport=way.id,
            transport_version=way.version,
            hosts=tuple(message.route.hosts),
            tls=limits.tls if message.route.tls is TlsMode.OPPORTUNISTIC else message.route.tls,
            ehlo_name=(source and source.ehlo_name) or data.get("ehlo_name") or self._settings.ehlo_name,
            rollup=message.route.rollup,
            relayed=message.route.kind == "smarthost",
            credentials=credentials,
            source=source.address if source else self._settings.source_address,
            max_deliveries_per_connection=limits.messages_per_connection,
            domain=domain_of(message.recipient) if message.route.mx else None,
            dane=self._settings.dane and message.route.mx == "authentic",
            destination=held.destination,
            idle_seconds=limits.idle_seconds,
        )
