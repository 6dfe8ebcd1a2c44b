"""The parts that TLS policies are made of, and what they do by the clock."""

from __future__ import annotations

from contextlib import suppress

import structlog

from services.sender.dns import Lookups
from services.sender.settings import Settings
from services.sender.smtp.peers import tls_contexts
from services.sender.store.broken_tls import BrokenHosts
from services.sender.store.sts_policies import StsPolicyStore
from services.sender.tls.broken import BrokenTls
from services.sender.tls.sts_fetch import StsFetcher
from services.sender.tls.sts_policies import StsPolicies
from shared.dns import make_resolver
from shared.loops import Loops

log = structlog.get_logger(__name__)
BROKEN_SECONDS = 10
REFRESH_SECONDS = 60
VALIDATES_SECONDS = 3600


class TlsParts:
    """Look-ups, contexts, policies and memory of one process."""

    def __init__(self, settings: Settings, hosts: BrokenHosts, policies: StsPolicyStore) -> None:
        self._settings = settings
        resolver = make_resolver(settings.nameservers, settings.dns_timeout_seconds)
        self.contexts = tls_contexts(settings.ca_file)
        self.lookups = Lookups(resolver, settings.ip_lookup_strategy)
        self.broken = BrokenTls(hosts)
        fetcher = StsFetcher(self.lookups, settings.targets.may_dial, self.contexts.verify)
        self.policies = StsPolicies(resolver, fetcher, policies)

    def start(self, loops: Loops) -> None:
        loops.every("sender.broken-tls", BROKEN_SECONDS, self.broken.sync)
        if self._settings.mta_sts:
            loops.every("sender.mta-sts", REFRESH_SECONDS, self.policies.refresh)
        if self._settings.dane:
            loops.every("sender.dnssec", VALIDATES_SECONDS, self.warn)

    async def warn(self) -> None:
        """Says so where DANE is on and can never apply."""
        if not await self.lookups.validates():
            log.warning("DANE is on, but the name servers do not vouch for the signed root zone: it applies nowhere")

    async def close(self) -> None:
        """Ends what is under way; what was noted last is only worth a try to a process that stops."""
        with suppress(Exception):
            await self.broken.sync()
        await self.policies.close()
        await self.lookups.close()
