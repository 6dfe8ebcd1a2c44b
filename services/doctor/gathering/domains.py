"""What the DNS shows of the verified domains, looked at as ingest looks at them, and whether their keys open."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.doctor.checks.domains import DomainFacts
from services.doctor.options import Options
from services.ingest.domains.judging import judge
from services.ingest.domains.keys import KeyMaker
from services.ingest.domains.looks import agreed, look_of
from services.ingest.domains.records import Purpose, Zone, questions_of, wanted_records
from services.ingest.domains.resolvers import Resolvers
from services.ingest.domains.tags import parse_tags
from services.sender.mail.platform import platform_signer
from shared.contracts.entities import DkimKeyPair, Domain, Kind
from shared.dkim_keys import public_half
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.secrets import UnsealError


async def verified_domains(options: Options) -> list[tuple[str, Domain]]:
    """Ids and domains, of all workspaces."""
    client = make_client(options.shared)
    try:
        entities = Entities(open_database(client, options.shared.database("ingest")))
        found = await entities.find(Kind.DOMAIN, {"data.verified": True})
    finally:
        client.close()
    return [(each.id, Domain.model_validate(each.data)) for each in found]


async def gather(options: Options) -> list[DomainFacts]:
    """The workspaces' domains, and the platform's own signature where the settings name one."""
    resolvers = Resolvers(options.nameservers, options.seconds / 2)
    platform = await _platform(options, resolvers)
    keys = KeyMaker(options.shared.secret_box)
    zone, now = Zone.of(options.ingest), datetime.now(UTC)

    async def look(id_: str, domain: Domain) -> DomainFacts:
        answers = await resolvers.ask(questions_of(domain, wanted_records(domain, zone)))
        seen = look_of(domain, zone, answers, now)
        judged = [(record, seen.judged[record.name]) for record in seen.wanted]
        return DomainFacts(domain, judged, _key_faults(id_, domain, keys))

    return [*platform, *await asyncio.gather(*(look(*each) for each in await verified_domains(options)))]


async def _platform(options: Options, resolvers: Resolvers) -> list[DomainFacts]:
    """Of the platform's domain only the key that signs is looked at: it is nobody's sender."""
    settings = options.sender
    if settings.dkim_domain is None or settings.dkim_selector is None:
        return []
    try:
        signer = await asyncio.to_thread(platform_signer, settings)
    except ValueError as error:
        key = DkimKeyPair(selector=settings.dkim_selector, public_key="", private_key="")
        domain = Domain(name=settings.dkim_domain, verified=True, active=key.selector, keys=[key], declared=True)
        return [DomainFacts(domain, [], {key.selector: str(error)}, platform=True)]
    assert signer is not None
    public = parse_tags(signer.record)["p"]
    key = DkimKeyPair(selector=signer.selector, public_key=public, private_key="")
    domain = Domain(name=signer.domain, verified=True, active=key.selector, keys=[key], declared=True)
    zone = Zone.of(options.ingest)
    wanted = [each for each in wanted_records(domain, zone) if each.purpose is Purpose.DKIM]
    answers = await resolvers.ask(questions_of(domain, wanted))
    judged = [(each, agreed([judge(each, domain, zone, one) for one in answers])) for each in wanted]
    return [DomainFacts(domain, judged, platform=True)]


def _key_faults(id_: str, domain: Domain, keys: KeyMaker) -> dict[str, str]:
    """Of the keys that sign, those that do not open or are not the other half of what is published."""
    faults = {}
    for key in domain.keys:
        if key.selector not in (domain.active, domain.active_ed25519):
            continue
        try:
            private = load_pem_private_key(keys.opened(id_, key).encode(), None)
        except UnsealError:
            faults[key.selector] = "its private key does not open with POSTHORN_ENCRYPTION_KEY: nothing is signed"
            continue
        assert isinstance(private, RSAPrivateKey | Ed25519PrivateKey)
        if public_half(private) != key.public_key:
            faults[key.selector] = "its private key is not the other half of the one that is published"
    return faults
