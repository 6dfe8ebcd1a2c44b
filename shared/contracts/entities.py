"""`config.changes`: versions of the entities that more than one service needs."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel

from shared.contracts.record import Record, Timestamp


class Kind(StrEnum):
    """What an entity is; its value is also the name of its collection."""

    WORKSPACE = "workspaces"
    API_KEY = "api_keys"
    DOMAIN = "domains"
    SENDER = "senders"
    CONTACT_BOOK = "contact_books"
    TRANSPORT = "transports"
    ROUTE = "routes"
    ENDPOINT = "endpoints"
    SMTP_CREDENTIAL = "smtp_credentials"
    TEMPLATE = "templates"
    FIELD = "fields"


# They stay in their owner's database: no other service reads them, and a template may be larger than a record.
PRIVATE = frozenset({Kind.SMTP_CREDENTIAL, Kind.TEMPLATE, Kind.FIELD, Kind.CONTACT_BOOK})


class EntityChange(Record):
    """One version of one entity. The highest version wins; a deletion is a kept version marked `deleted`."""

    newer_by: ClassVar[str] = "kind"

    kind: Kind
    id: str
    workspace_id: str | None = None
    version: int
    deleted: bool = False
    changed_at: Timestamp
    data: dict[str, Any] = {}

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


class Workspace(Record):
    """A workspace. `features` opens what it may use (`smtp.enabled`, …); `defaults` are its settings for messages.

    `default_tracking` names what is tracked where a message does not say (`opens`, `clicks`). `rate_limit` is in
    requests a minute over all of its keys, None for the setting's; `daily_quota` in recipients a day (UTC), None for
    no limit. With `complaints_spare_critical` a complaint to the workspace stops no authentication or security mail.
    Unless it is to `keep_content`, what messages say is deleted when they have ended, and never shown.
    """

    name: str
    owner_email: str
    owner_verified: bool = True
    features: list[str] = []
    default_sender: str | None = None
    default_stream: str = "product"
    max_recipients: int = 50
    max_domains: int = 100
    max_message_bytes: int = 25 * 1024 * 1024
    smtputf8: bool = False
    default_tracking: list[str] = []
    rate_limit: int | None = None
    daily_quota: int | None = None
    complaints_spare_critical: bool = False
    keep_content: bool = True


class ApiKey(Record):
    """A key as its HMAC digest; `prefix` is what may be shown of it.

    After a rotation the text before, `previous_digest`, works until `previous_until`. `allowed_ips` are the networks
    (CIDR) that it may be used from, `domains` those that it may send from; none means any. `rate_limit` is in requests
    a minute, None for the setting's.
    """

    name: str
    digest: str
    prefix: str
    scopes: list[str]
    expires_at: Timestamp | None = None
    default_stream: str | None = None
    previous_digest: str | None = None
    previous_until: Timestamp | None = None
    allowed_ips: list[str] = []
    domains: list[str] = []
    rate_limit: int | None = None


class SmtpCredential(Record):
    """A user name, unique over the platform, and the HMAC digest of it and its password together."""

    name: str
    user: str
    digest: str


class KeyState(StrEnum):
    """The life of a DKIM key; a state is only ever left for a later one."""

    PENDING = "pending"
    PUBLISHED = "published"
    ACTIVE = "active"
    RETIRING = "retiring"
    REVOKED = "revoked"


class Domain(Record):
    """A sending domain with its DKIM keys; `active` is the signing selector, None before a key has been shown by DNS.

    `declared` says that it is verified by the operator's word. `ownership` is the token that its owner publishes,
    `exclusive` its name again where no other workspace may have it verified. While `rotate` is set the next published
    key takes over. With `dkim_ed25519` it has a second line of keys, whose signing selector and rotation are
    `active_ed25519` and `rotate_ed25519`. `lost_since` is when DNS first showed no more what a verified domain needs.
    `return_path` is the name below it that bounces come back to, None where the DNS does not lead that one to the
    platform.
    """

    name: str
    verified: bool
    active: str | None = None
    keys: list[DkimKeyPair]
    declared: bool = False
    ownership: str = ""
    exclusive: str | None = None
    rotate: bool = False
    dkim_ed25519: bool = False
    active_ed25519: str | None = None
    rotate_ed25519: bool = False
    lost_since: Timestamp | None = None
    tracking_subdomain: str | None = None
    tracking_mode: str | None = None
    return_path: str | None = None
    created_at: Timestamp | None = None


class DkimKeyPair(Record):
    """One selector's key, in its state since `since`. `private_key` is sealed (AES-256-GCM); both are empty once it is
    revoked."""

    selector: str
    algorithm: str = "rsa-sha256"
    public_key: str
    private_key: str
    state: KeyState = KeyState.ACTIVE
    since: Timestamp | None = None


class Sender(Record):
    """A sender address, usable while it and its domain are verified; `name` is its display name."""

    address: str
    name: str | None = None
    verified: bool
    domain_id: str | None = None
    reply_to: str | None = None
    company: Company | None = None
    created_at: Timestamp | None = None


class Company(Record):
    """The postal address of the company that a sender address belongs to."""

    address: str
    address_2: str | None = None
    city: str
    state: str
    zip: str
    country: str


class Transport(Record):
    """A way out: the recipient's own MX hosts (`direct`) or one smart host. `password` is sealed.

    `max_connections` and `max_per_connection` are None where the sender's provider table says.
    """

    name: str
    kind: str
    host: str | None = None
    port: int = 25
    tls: str = "opportunistic"
    username: str | None = None
    password: str | None = None
    weight: int = 100
    enabled: bool = True
    max_connections: int | None = None
    max_per_connection: int | None = None
    ehlo_name: str | None = None
    sources: list[SourceAddress] = []


class SourceAddress(BaseModel):
    """A local address that a direct transport dials from; a part of its transport's record."""

    address: str
    ehlo_name: str | None = None
    warmup: WarmupPlan | None = None


class WarmupPlan(BaseModel):
    """How many messages an address may send on each day (UTC) from its first one on; no limit after the last."""

    started_on: date
    daily_caps: list[int]


class Endpoint(Record):
    """A customer's webhook endpoint. `events` empty means all but what is given on request only.

    `secret` is sealed, and so is `previous_secret`, the one before a rotation, which goes on signing until
    `previous_until`. `templates` is the sealed JSON of the `headers`, `query` and `body` that its owner has written:
    they may hold tokens of the receiver's. `concurrency`, `rate` (posts a second) and `timeout_seconds` are None for
    the setting's. `disabled_reason` is `gone` where the endpoint itself asked for no more (410), `failing` where
    nothing but failures came of it for days, None where a caller disabled it; `enabled_since` is when it was enabled
    again last, None where it has been since it was made.
    """

    url: str
    name: str = ""
    events: list[str] = []
    description: str = ""
    enabled: bool = True
    disabled_reason: str | None = None
    secret: str
    previous_secret: str | None = None
    previous_until: Timestamp | None = None
    signature: str = "standard"
    method: str = "POST"
    templates: str | None = None
    concurrency: int | None = None
    rate: int | None = None
    timeout_seconds: int | None = None
    created_at: Timestamp
    enabled_since: Timestamp | None = None


Domain.model_rebuild()
Sender.model_rebuild()
SourceAddress.model_rebuild()
Transport.model_rebuild()
