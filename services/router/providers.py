"""The large mailbox providers, told by the names of their MX hosts.

Gathered from the providers' own postmaster pages and their domains' MX records. A rollup is one provider's only where
every host of a domain belongs to it: a domain that mixes providers is a destination of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

PROVIDERS: dict[str, tuple[str, ...]] = {
    "google": (".google.com", ".googlemail.com"),
    "outlook": (".olc.protection.outlook.com",),
    "office365": (".mail.protection.outlook.com",),
    "office365-dane": (".mx.microsoft",),
    "yahoo": (".yahoodns.net",),
    "yahoo-jp": (".mail.yahoo.co.jp",),
    "apple": (".icloud.com",),
    "comcast": (".comcast.net",),
    "gmx": (".gmx.net", ".web.de"),
    "orange": (".orange.fr",),
    "mimecast": (".mimecast.com", ".mimecast.co.za", ".mimecast-offshore.com"),
    "barracuda": (".barracudanetworks.com",),
    "proofpoint": (".pphosted.com",),
    "qq": (".qq.com",),
    "netease": (".netease.com",),
}


def provider_of(hosts: Sequence[str]) -> str | None:
    """The provider whose suffixes every one of the lower-case host names ends in, None where there is no such one."""
    if not hosts:
        return None
    return next(
        (provider for provider, suffixes in PROVIDERS.items() if all(h.endswith(suffixes) for h in hosts)), None
    )
