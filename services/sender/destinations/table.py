"""The provider table: limits as data, ours (`providers.toml`) with an operator's file laid over it.

Limits resolve in the order default, provider, rollup, domain, source; what comes later wins, field by field. Last come
a transport's own settings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.sender.destinations.name import Destination
from shared.contracts.messages import TlsMode

OURS = Path(__file__).parent.parent / "providers.toml"


def _address(text: str) -> str:
    return str(ip_address(text))


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Layer(_Part):
    """Some of the limits; what is not named is another layer's to say. A rate of 0 is no limit."""

    connections: int | None = Field(None, ge=1, le=1000)
    total_connections: int | None = Field(None, ge=0, le=10_000)
    messages_per_connection: int | None = Field(None, ge=1, le=100_000)
    messages_per_second: float | None = Field(None, ge=0)
    new_connections_per_minute: float | None = Field(None, ge=0)
    idle_seconds: float | None = Field(None, ge=0, le=300)
    tls: Literal[TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY] | None = None
    cooldown_seconds: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(None, min_length=1)


class Trigger(_Part):
    """What a refusal's text asks for: `suspend` stops the destination, else it gets these limits, for `seconds`.

    `providers` empty means all.
    """

    text: Annotated[str, AfterValidator(_pattern)]
    providers: tuple[str, ...] = ()
    seconds: float = Field(gt=0)
    suspend: bool = False
    connections: int = Field(1, ge=1)
    messages_per_minute: float = Field(0, ge=0)

    def fits(self, provider: str, text: str) -> bool:
        return (not self.providers or provider in self.providers) and _compiled(self.text).search(text) is not None


class ProvidersFile(_Part):
    """The whole of a file."""

    default: Layer = Layer()
    providers: dict[str, Layer] = {}
    rollups: dict[str, Layer] = {}
    domains: dict[str, Layer] = {}
    sources: dict[Annotated[str, AfterValidator(_address)], Layer] = {}
    triggers: tuple[Trigger, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What holds for one destination. `connections` are those of one source; rates of 0 are no limits."""

    connections: int
    messages_per_connection: int
    messages_per_second: float
    new_connections_per_minute: float
    idle_seconds: float
    tls: TlsMode
    cooldown_seconds: tuple[float, ...]


class InvalidProvidersError(ValueError):
    """The file's faults, all of them, each with its place."""


class Table:
    """Limits of destinations, and what texts of refusals ask for. Later files win; their triggers are asked first."""

    def __init__(self, files: Sequence[ProvidersFile]) -> None:
        self._files = files
        self._triggers = [trigger for file in reversed(files) for trigger in file.triggers]
        self._domains = {domain for file in files for domain in file.domains}

    def own_destination(self, domain: str) -> bool:
        """Whether a domain has limits of its own, and so shares connections with no other."""
        return domain in self._domains

    def limits(self, destination: Destination, transport: Mapping[str, Any], *, shared: bool) -> Limits:
        """The limits of a destination by way of a transport (the entity's data; `shared` is the platform's).

        A workspace's own direct transport uses the platform's addresses, whose good name is everybody's: it may only
        ask for less. A total is divided evenly between the sources.
        """
        layer: dict[str, Any] = {}
        for found in self._layers(destination):
            layer |= found.model_dump(exclude_none=True)
        total, sources = layer.pop("total_connections", 0), transport.get("sources") or [None]
        if total:
            layer["connections"] = max(1, min(layer["connections"], total // len(sources)))
        free = shared or transport.get("kind") == "smarthost"
        for name, own in (("connections", "max_connections"), ("messages_per_connection", "max_per_connection")):
            wanted = transport.get(own)
            if wanted is not None:
                layer[name] = wanted if free else min(wanted, layer[name])
        return Limits(**layer)

    def trigger(self, provider: str, text: str) -> Trigger | None:
        """The first trigger that a refusal's text sets off."""
        return next((trigger for trigger in self._triggers if trigger.fits(provider, text)), None)

    def _layers(self, destination: Destination) -> list[Layer]:
        keys = (
            ("providers", destination.provider),
            ("rollups", destination.rollup),
            ("domains", destination.domain),
            ("sources", destination.source),
        )
        found = [file.default for file in self._files]
        for part, key in keys:
            found += [layers[key] for file in self._files if key in (layers := getattr(file, part))]
        return found


def read(text: str, where: str) -> ProvidersFile:
    """A file's text as what it says; raises InvalidProvidersError."""
    try:
        return ProvidersFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidProvidersError(f"{where}: is not TOML: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise InvalidProvidersError(f"{where}: " + "; ".join(faults)) from error


def load(operators: Path | None = None) -> Table:
    """Our table with the operator's file over it; raises InvalidProvidersError for what cannot be used."""
    files = [read(OURS.read_text(), OURS.name)]
    if operators is not None:
        try:
            text = operators.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidProvidersError(f"{operators}: cannot be read: {error}") from error
        files.append(read(text, str(operators)))
    return Table(files)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
