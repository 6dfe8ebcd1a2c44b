"""The settings of the sender service. Times are seconds."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from services.sender.bounces.live import Rules
from services.sender.retry import AMBIGUOUS, DEFAULT_DELAYS, DEFAULT_LIFETIMES, STANDARD, RetrySchedule
from services.sender.returns.outgoing import Asking
from services.sender.smtp.outcomes import BounceClass
from services.sender.smtp.peers import Timeouts
from services.sender.smtp.targets import IpStrategy, Targets
from shared.addresses import InvalidAddressError, domain_of, parse_address
from shared.client_address import parse_networks
from shared.net import parse_server
from shared.settings import NetworksSetting, SharedSettings


class Settings(SharedSettings):
    """Read from the environment (`POSTHORN_…`)."""

    lease_seconds: float = Field(
        60, gt=0, description="how long a claimed delivery is safe from others, if not renewed"
    )
    max_in_flight: int = Field(200, ge=2, description="SMTP conversations of one process at once")
    providers_file: Path | None = Field(
        None, description="a TOML file laid over the provider table, see destinations.md; checked at the start"
    )
    held_per_connection: int = Field(8, ge=1, description="deliveries that a process claims for each connection it has")
    held_bytes: int = Field(
        64 * 1024 * 1024, description="bytes of content that a process holds for claimed deliveries"
    )
    tombstone_days: float = Field(31, description="how long finished deliveries stay; longer than any record lives")
    released_bound: int = Field(
        2000, ge=1, description="retries of one lane that are on their way to the router at once"
    )
    release_wait_seconds: float = Field(60, description="when a released retry that did not come back goes again")
    queue_audit_days: float = Field(
        400, gt=0, description="how long what was asked of `/v1/queue`, and by whom, is kept"
    )
    change_days: float = Field(8, description="how long suppression changes are kept; longer than any record lives")

    ehlo_name: str = Field(
        "localhost",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="the name in EHLO: the one that our address resolves back to",
    )
    source_address: str | None = Field(None, description="the local address to connect from")
    allow_private_targets: bool = Field(False, description="whether hosts may have addresses that are not public")
    own_addresses: list[str] = Field(
        [], description="addresses of our own mail hosts, as JSON: no mail is delivered back to them"
    )
    ca_file: str | None = Field(None, description="further certificate authorities (PEM) for verified TLS")

    mta_sts: bool = Field(True, description="whether MTA-STS policies of recipients' domains are applied (RFC 8461)")
    dane: bool = Field(
        False, description="whether TLSA records are applied (RFC 7672): only with a validating resolver on a safe path"
    )
    nameservers: list[str] = Field(
        [], description='name servers to ask, as JSON: ["192.0.2.53", "[2001:db8::53]:5353"]; none: the system\'s'
    )
    dns_timeout_seconds: float = Field(5, gt=0, description="how long a look-up may take, all its tries together")
    ip_lookup_strategy: IpStrategy = Field(
        IpStrategy.IPV4_ONLY, description="which addresses of mail hosts are dialled, in which order; `both` in turn"
    )
    prohibited_networks: NetworksSetting = Field(
        "", description="networks, comma separated, that are never dialled: your own, where their addresses are public"
    )
    dkim_domain: str | None = Field(
        None, description="the platform's domain, which signs all mail beside the sender's; none: no such signature"
    )
    dkim_selector: str | None = Field(
        None, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="the selector of the platform's DKIM key"
    )
    dkim_key_file: Path | None = Field(None, description="the platform's private DKIM key (RSA, PEM)")
    feedback_sender_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{5,15}$",
        description="the last part of Feedback-ID, one for all mail of the platform; none: no Feedback-ID",
    )

    connect_timeout_seconds: float = Field(30, description="TCP connect")
    dot_timeout_seconds: float = Field(600, description="the reply after the final dot (RFC 5321 section 4.5.3.2.6)")
    command_timeout_seconds: float = Field(300, description="the reply to any other command")

    retry_delays: list[float] = Field(list(DEFAULT_DELAYS[STANDARD]), description="waits after each attempt")
    greylist_delays: list[float] = Field(
        list(DEFAULT_DELAYS[BounceClass.GREYLISTED]), description="waits where the host greylists"
    )
    throttle_delays: list[float] = Field(
        list(DEFAULT_DELAYS[BounceClass.THROTTLED]), description="waits where the host throttles"
    )
    mailbox_full_delays: list[float] = Field(
        list(DEFAULT_DELAYS[BounceClass.MAILBOX_FULL]), description="waits where the mailbox is full"
    )
    route_down_delays: list[float] = Field(
        list(DEFAULT_DELAYS[BounceClass.ROUTE_DOWN]), description="waits where a smart host cannot be used"
    )
    ambiguous_delays: list[float] = Field(
        list(DEFAULT_DELAYS[AMBIGUOUS]), description="waits after a lost reply to the dot; one retry for each"
    )
    retry_jitter: float = Field(0.2, ge=0, lt=1, description="share by which waits vary")
    retry_lifetime_seconds: float = Field(
        DEFAULT_LIFETIMES[STANDARD], gt=0, description="how long a message is tried, if it does not expire before"
    )
    mailbox_full_lifetime_seconds: float = Field(
        DEFAULT_LIFETIMES[BounceClass.MAILBOX_FULL], gt=0, description="the same where the mailbox is full"
    )
    refusal_retries: int = Field(3, ge=0, description="retries of a refusal (5xx) that is taken as transient at first")

    bounce_rules_file: str | None = Field(
        None, description="bounce rules of your own (TOML), which go before Posthorn's; read again when it changes"
    )
    dsn: Asking = Field("smarthosts", description="which hosts are asked for delivery reports (RFC 3461)")
    dsn_success: bool = Field(False, description="whether they are asked to report successful deliveries, too")

    returns_host: str = Field("127.0.0.1", description="address that the return door listens on")
    returns_port: int = Field(2526, description="port of the return door, port 25 outside; 0: any free one")
    returns_hostname: str = Field("localhost", description="the name that the return door greets with")
    returns_certificate_file: Path | None = Field(
        None, description="certificate chain (PEM) for STARTTLS at the return door; none: not offered"
    )
    returns_key_file: Path | None = Field(None, description="its private key (PEM); none: in the certificate's file")
    returns_feedback_addresses: list[str] = Field(
        [], description="addresses that mailbox providers send complaints about any message to, as JSON"
    )
    returns_valid_days: float = Field(30, gt=0, description="how long after a message's end its return address counts")
    returns_most: int = Field(20, ge=1, description="what is taken about one message; more is dropped")
    returns_report_bytes: int = Field(1024 * 1024, ge=64 * 1024, description="bytes of a report that are read")
    returns_reply_bytes: int = Field(10 * 1024 * 1024, ge=64 * 1024, description="largest reply to a message")
    returns_max_connections: int = Field(500, ge=1, description="connections of one return door at once")
    returns_connections_per_address: int = Field(50, ge=1, description="of those, from one address")
    returns_buffer_bytes: int = Field(
        128 * 1024 * 1024, ge=1024 * 1024, description="bytes of mail that one return door holds while it takes it"
    )
    returns_idle_seconds: float = Field(300, gt=0, description="how long a client of the return door may say nothing")
    returns_error_delay_seconds: float = Field(
        1, ge=0, description="what each refusal of the return door takes after ten in a connection"
    )
    returns_data_seconds: float = Field(600, gt=0, description="how long it may take for one message's data")

    @property
    def schedule(self) -> RetrySchedule:
        return RetrySchedule(
            delays={
                STANDARD: self.retry_delays,
                BounceClass.GREYLISTED: self.greylist_delays,
                BounceClass.THROTTLED: self.throttle_delays,
                BounceClass.MAILBOX_FULL: self.mailbox_full_delays,
                BounceClass.ROUTE_DOWN: self.route_down_delays,
                AMBIGUOUS: self.ambiguous_delays,
            },
            lifetimes={
                STANDARD: self.retry_lifetime_seconds,
                BounceClass.MAILBOX_FULL: self.mailbox_full_lifetime_seconds,
            },
            jitter=self.retry_jitter,
            permanent_retries=self.refusal_retries,
        )

    @property
    def targets(self) -> Targets:
        own = frozenset(self.own_addresses)
        return Targets(self.allow_private_targets, parse_networks(self.prohibited_networks), own)

    @field_validator("nameservers")
    @classmethod
    def _servers(cls, value: list[str]) -> list[str]:
        for server in value:
            parse_server(server)
        return value

    @property
    def timeouts(self) -> Timeouts:
        longest = self.command_timeout_seconds
        return Timeouts(
            connect=self.connect_timeout_seconds,
            banner=min(Timeouts.banner, longest),
            last_banner=min(Timeouts.last_banner, longest),
            ehlo=min(Timeouts.ehlo, longest),
            starttls=min(Timeouts.starttls, longest),
            auth=min(Timeouts.auth, longest),
            mail=longest,
            rcpt=longest,
            data=min(Timeouts.data, longest),
            block=min(Timeouts.block, longest),
            dot=self.dot_timeout_seconds,
        )

    @field_validator("own_addresses")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        return [str(ip_address(each)) for each in value]

    @field_validator("bounce_rules_file")
    @classmethod
    def _rules(cls, value: str | None) -> str | None:
        try:
            Rules(value)
        except OSError as error:
            raise ValueError(f"{value}: {error.strerror}") from error
        return value

    @field_validator("dkim_domain")
    @classmethod
    def _domain(cls, value: str | None) -> str | None:
        try:
            return value and domain_of(parse_address(f"a@{value}"))
        except InvalidAddressError as error:
            raise ValueError("is not a domain name that mail can be sent from") from error

    @model_validator(mode="after")
    def _platform_key_is_whole(self) -> Settings:
        given = [value is not None for value in (self.dkim_domain, self.dkim_selector, self.dkim_key_file)]
        if any(given) and not all(given):
            raise ValueError("dkim_domain, dkim_selector and dkim_key_file are set together, or none of them")
        return self

    @model_validator(mode="after")
    def _delays_are_there(self) -> Settings:
        if not self.retry_delays:
            raise ValueError("retry_delays needs at least one wait")
        return self
