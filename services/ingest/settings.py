"""The settings of the ingest service."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from services.ingest.console.roles import Grant
from shared.net import parse_server
from shared.settings import SharedSettings


class Settings(SharedSettings):
    """Read from the environment (`POSTHORN_…`)."""

    max_body_bytes: int = Field(25 * 1024 * 1024, ge=1024, description="largest body of a sending request")
    max_file_bytes: int = Field(50 * 1024 * 1024, ge=1024, description="largest file of a multipart request")
    body_buffer_bytes: int = Field(
        128 * 1024 * 1024, ge=1024, description="bytes of bodies over 1 MiB that one process takes in at once"
    )
    body_wait_seconds: float = Field(5, gt=0, description="how long such a body waits for room before 503")
    body_read_seconds: float = Field(120, gt=0, description="how long such a body may take to come in")
    expires_hours: float = Field(48, gt=0, le=168, description="life of a message whose request names no expires_at")
    answer_seconds: float = Field(10, gt=0, description="how long a sending request waits for the database before 503")
    idempotency_hours: float = Field(24, gt=0, description="how long an Idempotency-Key is held")

    http_replicas: int = Field(1, ge=1, description="processes with the role http; each has its part of the limits")
    key_rate_limit: int = Field(
        300_000, ge=1, description="requests a minute of one API key, where it has no own limit"
    )
    workspace_rate_limit: int = Field(
        600_000, ge=1, description="requests a minute of all keys of a workspace together"
    )
    quota_block: int = Field(
        1_000, ge=1, description="recipients of a daily quota that a process takes at once, at most"
    )
    last_used_seconds: float = Field(60, gt=0, description="how often the last use of keys is written")
    audit_days: float = Field(400, gt=0, description="how long an entry of the audit log is kept")

    relay_critical_poll_ms: int = Field(20, ge=1, description="how often the idle relay of the critical lane looks")
    relay_standard_poll_ms: int = Field(50, ge=1, description="how often the idle relay of the standard lane looks")
    relay_batch: int = Field(500, ge=1, description="messages that the relay publishes at once")
    relay_unread_max: int = Field(20_000, ge=1, description="unread records downstream at which a lane's relay waits")
    schedule_poll_ms: int = Field(250, ge=10, description="how often scheduled mail that is due is looked for")
    relay_lag_seconds: float = Field(0.25, gt=0, description="how often the records unread downstream are counted")
    relay_lease_seconds: float = Field(10, gt=0, description="how soon another process takes over from a lost relay")
    sweep_first_seconds: float = Field(900, gt=0, description="first look at what became of a publication")
    sweep_longest_seconds: float = Field(21_600, gt=0, description="longest wait between two such looks; they double")

    message_days: float | None = Field(
        None, ge=8, description="how long a message that has ended is shown, its trace too; none: for good"
    )

    trace_url: str | None = Field(
        None,
        pattern=r"^https?://.*\{trace_id\}",
        description="where links to a distributed trace lead, with {trace_id} in it: the console's, and those of "
        "`posthorn trace`; none: no link",
    )
    oidc_issuer: str | None = Field(
        None, pattern=r"^https?://", description="OpenID Connect provider of the console; none: keys alone sign in"
    )
    oidc_client_id: str = Field("posthorn", description="the console's client id at the provider")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="its secret")
    oidc_scope: str = Field("openid email profile groups", description="what the provider is asked for")
    oidc_name: str = Field("single sign-on", description="what the provider is called on the sign-in page")
    oidc_groups_claim: str = Field("groups", description="claim of the ID token that names somebody's groups")
    oidc_grants: dict[str, Grant] = Field(
        {}, description='JSON, by group: {"group": {"workspace": "<id>", "role": "viewer|support|developer|admin"}}'
    )

    tracking_wait_seconds: float = Field(1, gt=0, description="how long a redirect or a pixel waits for its record")
    tracking_hasty_seconds: float = Field(5, ge=0, description="opens and clicks so soon after delivery are machines'")
    tracking_addresses: Literal["truncated", "whole", "none"] = Field(
        "truncated", description="what is kept of a reader's address: its network (/24 or /48), all of it, or nothing"
    )

    domain_resolvers: list[str] = Field(
        [], description="resolvers that a domain's records are asked at, each on its own, as JSON; none: the system's"
    )
    domain_dns_seconds: float = Field(5, gt=0, description="how long one question about a domain's records may take")
    domain_check_hours: float = Field(24, gt=0, le=24, description="how often a verified domain is looked at")
    domain_grace_hours: float = Field(72, ge=1, description="how long a domain whose records are gone may still send")
    dkim_rotation_days: float = Field(180, ge=1, description="age at which a DKIM key is to be replaced")
    dkim_retiring_days: float = Field(7, ge=7, description="how long a replaced DKIM key is to stay published")
    platform_zone: str | None = Field(
        None, description="zone of the names that domains point to; none: the host of the public URL"
    )
    return_path_host: str | None = Field(
        None, description="target of return paths; none: the returns domain, else `returns.` and the zone"
    )
    tracking_host: str | None = Field(None, description="target of tracking names; none: `track.` and the zone")
    spf_include: str | None = Field(None, description="name of the platform's SPF record; none: `_spf.` and the zone")

    smtp_host: str = Field("127.0.0.1", description="address that the SMTP door listens on")
    smtp_port: int = Field(587, description="port of the SMTP door with STARTTLS (RFC 6409); 0: any free one")
    smtps_port: int = Field(465, description="port of the SMTP door with TLS from the first byte (RFC 8314); 0: any")
    smtp_hostname: str = Field("localhost", description="the name that the SMTP door greets with")
    smtp_public_host: str | None = Field(None, description="how callers reach the SMTP door; none: as the API")
    smtp_certificate_file: Path | None = Field(None, description="certificate chain (PEM), read again when it changes")
    smtp_key_file: Path | None = Field(None, description="its private key (PEM); none: in the certificate's file")
    smtp_max_connections: int = Field(1000, ge=1, description="SMTP connections of one process at once")
    smtp_connections_per_address: int = Field(300, ge=1, description="of those, from one address")
    smtp_max_message_bytes: int = Field(25 * 1024 * 1024, ge=1024, description="largest message over SMTP")
    smtp_buffer_bytes: int = Field(
        256 * 1024 * 1024, ge=1024, description="bytes of messages that one process holds while it takes them"
    )
    smtp_idle_seconds: float = Field(300, gt=0, description="how long an SMTP client may say nothing")
    smtp_data_seconds: float = Field(600, gt=0, description="how long an SMTP client may take for one message's data")
    smtp_tls_seconds: float = Field(30, gt=0, description="how long a TLS handshake may take")
    smtp_error_delay_seconds: float = Field(1, ge=0, description="what each refusal takes after ten in a connection")
    smtp_login_delay_seconds: float = Field(1, ge=0, description="wait after a wrong password; doubles, at most 30 s")
    smtp_resend_minutes: float = Field(
        10, gt=0, description="how long the same message, by Message-ID, recipients and body, counts as sent again"
    )

    @field_validator("domain_resolvers")
    @classmethod
    def _resolvers(cls, value: list[str]) -> list[str]:
        for server in value:
            parse_server(server)
        return value
