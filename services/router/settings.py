"""The settings of the router service."""

from __future__ import annotations

from pydantic import Field, field_validator

from services.router.health.settings import HealthSettings
from services.router.static_mx import parse_target
from shared.net import parse_server


class Settings(HealthSettings):
    """Read from the environment (`POSTHORN_…`)."""

    static_mx: dict[str, list[str]] = Field(
        {}, description='mail hosts known without the DNS, as JSON: {"*.example": ["127.0.0.1:2525"]}; "*": all domains'
    )
    nameservers: list[str] = Field(
        [], description='name servers to ask, as JSON: ["192.0.2.53", "[2001:db8::53]:5353"]; none: the system\'s'
    )
    mx_port: int = Field(25, ge=1, le=65535, description="port of the recipients' mail hosts")
    own_names: list[str] = Field([], description="names of our own mail hosts, as JSON: no mail is routed back to them")
    dns_wait_ms: int = Field(200, ge=0, description="how long a batch waits for MX look-ups; they go on after that")
    dns_timeout_seconds: float = Field(5, gt=0, description="how long an MX look-up may take, all its tries together")
    held_look_seconds: float = Field(
        60,
        ge=1,
        description="how soon what a rule holds is looked at again; up to ten times that with its age",
    )
    allow_private_targets: bool = Field(
        False, description="whether smart hosts may have addresses that are not on the public internet"
    )

    @field_validator("static_mx")
    @classmethod
    def _targets(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for pattern, targets in value.items():
            if not targets:
                raise ValueError(f"{pattern} names no host")
            for target in targets:
                parse_target(target, 25)
        return value

    @field_validator("nameservers")
    @classmethod
    def _servers(cls, value: list[str]) -> list[str]:
        for server in value:
            parse_server(server)
        return value

    @field_validator("own_names")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        return [name.lower().rstrip(".") for name in value]
