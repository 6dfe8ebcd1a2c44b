"""Verifies a message's DKIM signature with dkimpy, which asks the local name server as any receiver asks the DNS."""

from collections.abc import Callable

import dkim
import dns.exception
import dns.resolver


def dkim_verifies(raw: bytes, nameserver: str) -> bool:
    """Whether the first DKIM signature of `raw` is valid (RFC 6376 section 6); `nameserver` is `address:port`."""
    return bool(dkim.verify(raw, dnsfunc=_texts_of(nameserver)))


def _texts_of(nameserver: str) -> Callable[..., bytes | None]:
    host, _, port = nameserver.rpartition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host], int(port)

    def texts(name: bytes, timeout: float = 5) -> bytes | None:
        try:
            answer = resolver.resolve(name.decode(), "TXT", lifetime=timeout)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except dns.exception.Timeout as error:
            raise dkim.DnsTimeoutError(str(error)) from error
        return b"".join(answer[0].strings)

    return texts
