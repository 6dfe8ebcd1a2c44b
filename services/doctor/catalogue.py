"""The checks by name, and what each says where all is well."""

from __future__ import annotations

TITLES = {
    "keys": "the three keys are random and differ",
    "names": "EHLO names, PTR records and addresses agree",
    "spf": "our addresses may send for the return paths",
    "domains": "DKIM, DMARC and return paths of the verified domains",
    "doors": "the SMTP doors speak TLS with a good certificate",
    "egress": "mail hosts answer at port 25",
    "topics": "Kafka's topics and brokers are set as they must be",
    "dead-letters": "there are no dead letters",
    "database": "MongoDB keeps what was promised",
    "clock": "the clocks agree",
    "services": "the processes are ready",
}
WELL_KNOWN_HOSTS = (
    "gmail-smtp-in.l.google.com",
    "mx1.mail.icloud.com",
    "mx-aol.mail.gm0.yahoodns.net",
)
"""Mail hosts of large providers, which everybody who sends mail must be able to reach."""
