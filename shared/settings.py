"""The settings that every process has."""

from __future__ import annotations

import base64
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from shared.client_address import IpNetwork, parse_networks
from shared.connections import ConnectionSettings
from shared.contracts.topics import PARTITIONS
from shared.secrets import SecretBox


def _key(value: object) -> object:
    raw = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(raw, str) and len(base64.b64decode(raw, validate=True)) < 32:
        raise ValueError("must be base64 of at least 32 random bytes")
    return value


def _keys(value: object) -> object:
    raw = value.get_secret_value() if isinstance(value, SecretStr) else value
    for key in raw.split(",") if isinstance(raw, str) and raw else ():
        _key(key)
    return value


def _networks(value: str) -> str:
    parse_networks(value)
    return value


KeySetting = Annotated[SecretStr, BeforeValidator(_key)]
KeysSetting = Annotated[SecretStr, BeforeValidator(_keys)]
FAILURES = frozenset({"deferred", "bounced", "failed", "ambiguous", "stuck", "suppressed"})


def _failures(value: str) -> str:
    if unknown := {each for each in value.split(",") if each} - FAILURES:
        raise ValueError(f"no such failures: {', '.join(sorted(unknown))}; there are {', '.join(sorted(FAILURES))}")
    return value


FailuresSetting = Annotated[str, AfterValidator(_failures)]
NetworksSetting = Annotated[str, AfterValidator(_networks)]


class SharedSettings(ConnectionSettings):
    """Read once, by the command that starts a process; passed down from there."""

    profile: Literal["local", "production"] = Field("production", description="`local` eases what a laptop cannot have")
    topic_partitions: int = Field(
        PARTITIONS,
        ge=1,
        le=1000,
        description="partitions of each topic that grows with the mail; may be raised, never lowered",
    )
    topic_replicas: int = Field(1, description="replication factor of the topics; 3 in production")

    pepper: KeySetting = Field(description="base64, 32 bytes: HMAC key of API keys and addresses")
    token_key: KeySetting = Field(description="base64, 32 bytes: HMAC key of cursors and links")
    encryption_key: KeySetting = Field(description="base64, 32 bytes: AES-256-GCM key of secrets at rest")
    other_token_keys: KeysSetting = Field(
        SecretStr(""), description="further keys, comma separated, whose links and return addresses are known as ours"
    )
    other_encryption_keys: KeysSetting = Field(
        SecretStr(""), description="further keys, comma separated, that open secrets at rest: a former one, or the next"
    )
    operator_token: SecretStr | None = Field(None, description="opens the platform routes; no token, no such routes")

    http_host: str = Field("127.0.0.1", description="address of the API")
    http_port: int = Field(8080, description="port of the API")
    health_host: str = Field("127.0.0.1", description="address of /livez, /readyz and /metrics")
    health_port: int = Field(9464, description="port of /livez, /readyz and /metrics")
    public_url: str = Field("http://127.0.0.1:8080", description="how callers reach the API")
    links_url: str | None = Field(
        None, pattern=r"^https?://[A-Za-z0-9._~:/\[\]-]+$", description="base of the links in mail; none: public_url"
    )
    returns_domain: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$",
        description="the platform's domain that bounces and replies come back to; none: only domains with a verified "
        "return path of their own have one",
    )
    openapi_file: Path | None = Field(
        None,
        description="the OpenAPI document to serve, as `posthorn openapi` writes it; none: of what it answers itself",
    )
    console_session_hours: float = Field(12, gt=0, description="how long a session of the console lasts")
    trusted_proxies: NetworksSetting = Field(
        "", description="networks, comma separated, of the proxies whose X-Forwarded-For is believed"
    )

    otlp_endpoint: str | None = Field(None, description="OTLP/HTTP collector, e.g. http://host:4318; none: no export")
    trace_ratio: float = Field(0.01, ge=0, le=1, description="share of the requests without a traceparent to trace")
    trace_critical: bool = Field(False, description="trace every message of the critical lane")
    trace_failures: FailuresSetting = Field(
        "deferred,bounced,failed,ambiguous,stuck",
        description="events, comma separated, at which a message that was not sampled is traced from then on, its "
        "stages until then recorded afterwards; empty: none. They may be these and `suppressed`",
    )
    log_level: str = Field("INFO", description="least level that is logged")

    batch_size: int = Field(500, ge=1, le=5000, description="records that a consumer takes at once")
    standard_wait_ms: int = Field(50, description="how long a fetch of the standard lane may wait to fill")
    standard_min_bytes: int = Field(20_000, description="bytes that end a fetch's wait on the standard lane")
    events_wait_ms: int = Field(200, description="how long a fetch of events may wait to fill")
    events_min_bytes: int = Field(100_000, description="bytes that end a fetch's wait for events")
    session_timeout_ms: int = Field(45_000, description="how soon Kafka gives a silent consumer's partitions away")
    shutdown_seconds: float = Field(30, description="how long a stopping process may finish what it has begun")
    sweep_seconds: float = Field(10, description="how often unpublished records are looked for")
    erasure_settle_seconds: float = Field(
        30, gt=0, description="how long after an erasure was heard of its last pass follows; longer than a write takes"
    )
    entity_publish_hours: float = Field(24, description="how often an owner publishes all of its entities again")

    @cached_property
    def pepper_bytes(self) -> bytes:
        return base64.b64decode(self.pepper.get_secret_value())

    @cached_property
    def token_key_bytes(self) -> bytes:
        return base64.b64decode(self.token_key.get_secret_value())

    @cached_property
    def encryption_key_bytes(self) -> bytes:
        return base64.b64decode(self.encryption_key.get_secret_value())

    @cached_property
    def token_keys(self) -> tuple[bytes, ...]:
        """The one that signs, then those that are known beside it."""
        return (self.token_key_bytes, *_decoded(self.other_token_keys))

    @cached_property
    def encryption_keys(self) -> tuple[bytes, ...]:
        """The one that seals, then those that open as well."""
        return (self.encryption_key_bytes, *_decoded(self.other_encryption_keys))

    @cached_property
    def secret_box(self) -> SecretBox:
        return SecretBox(*self.encryption_keys)

    @cached_property
    def failures_traced(self) -> frozenset[str]:
        return frozenset(self.trace_failures.split(",")) - {""}

    @property
    def links_base(self) -> str:
        """Where the links in mail begin."""
        return self.links_url or self.public_url

    @cached_property
    def trusted_networks(self) -> tuple[IpNetwork, ...]:
        return parse_networks(self.trusted_proxies)


def _decoded(keys: SecretStr) -> list[bytes]:
    return [base64.b64decode(key) for key in keys.get_secret_value().split(",") if key]
