"""The settings of the sender service. Times are seconds."""

from __future__ import annotations

from pydantic import Field, model_validator

from services.sender.retry import AMBIGUOUS, DEFAULT_DELAYS, DEFAULT_LIFETIMES, STANDARD, RetrySchedule
from services.sender.smtp.outcomes import BounceClass
from services.sender.smtp.peers import Timeouts
from shared.settings import SharedSettings


class Settings(SharedSettings):
    """Read from the environment (`POSTHORN_…`)."""

    lease_seconds: float = Field(
        60, gt=0, description="how long a claimed delivery is safe from others, if not renewed"
    )
    max_in_flight: int = Field(200, ge=2, description="SMTP conversations of one process at once")
    destination_connections: int = Field(
        20, ge=1, description="connections to one destination, of all processes together; a transport may say otherwise"
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

    ehlo_name: str = Field("localhost", description="the name in EHLO: the one that our address resolves back to")
    source_address: str | None = Field(None, description="the local address to connect from")
    allow_private_targets: bool = Field(False, description="whether hosts may have addresses that are not public")
    idle_timeout_seconds: float = Field(30, description="how long an idle connection is kept")
    ca_file: str | None = Field(None, description="further certificate authorities (PEM) for verified TLS")

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
            lifetimes=DEFAULT_LIFETIMES,
            jitter=self.retry_jitter,
        )

    @property
    def timeouts(self) -> Timeouts:
        longest = self.command_timeout_seconds
        return Timeouts(
            connect=self.connect_timeout_seconds,
            banner=min(Timeouts.banner, longest),
            ehlo=min(Timeouts.ehlo, longest),
            starttls=min(Timeouts.starttls, longest),
            auth=min(Timeouts.auth, longest),
            mail=longest,
            rcpt=longest,
            data=min(Timeouts.data, longest),
            block=min(Timeouts.block, longest),
            dot=self.dot_timeout_seconds,
        )

    @model_validator(mode="after")
    def _delays_are_there(self) -> Settings:
        if not self.retry_delays:
            raise ValueError("retry_delays needs at least one wait")
        return self
