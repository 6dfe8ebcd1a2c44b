"""The environment that a local Posthorn's services and commands get."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.local.install import CHECKOUT
from deploy.local.ports import HOST
from shared.secrets import SECRET_NAMES, new_secret

LOCAL_DOMAINS = ("*.example", "*.test")
RETURNS_DOMAIN = "returns.posthorn.test"


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """`POSTHORN_HOME`, else `.local` in the checkout."""
    return Path(environ.get("POSTHORN_HOME") or CHECKOUT / ".local").resolve()


def load_env(home: Path) -> None:
    """Set what the stack of `home` wrote to `home/env`, as far as it is not set yet; nothing without such a stack."""
    for name, value in read_env(home / "env").items():
        os.environ.setdefault(name, value)


def read_env(file: Path) -> dict[str, str]:
    """The NAME=value lines of `file`; {} if it does not exist."""
    if not file.exists():
        return {}
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def write_env(file: Path, values: Mapping[str, str]) -> None:
    """Write `values` as NAME=value lines that only the owner can read; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # made with mode 600
    with os.fdopen(handle, "w") as written:
        written.writelines(f"{name}={value}\n" for name, value in values.items())
    Path(unfinished).replace(file)


def kept_secrets(home: Path) -> dict[str, str]:
    """The secrets of `home/secrets.env`; what is missing is made and kept."""
    kept = read_env(home / "secrets.env")
    missing = [name for name in SECRET_NAMES if not kept.get(name)]
    if missing:
        kept |= {name: new_secret(name) for name in missing}
        write_env(home / "secrets.env", kept)
    return kept


def smtp_certificate(home: Path) -> Path:
    """The certificate of the SMTP door, with its key."""
    return home / "smtp.pem"


def decided_by_stack(home: Path, ports: Mapping[str, int], kafka_bootstrap: str, mongo_url: str) -> dict[str, str]:
    """The addresses; they win over the caller's environment."""
    receiver = f"http://{HOST}:{ports['receiver']}"
    return {
        "POSTHORN_HOME": str(home),
        "POSTHORN_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "POSTHORN_MONGO_URL": mongo_url,
        "POSTHORN_HTTP_PORT": str(ports["http"]),
        "POSTHORN_SMTP_PORT": str(ports["smtp"]),
        "POSTHORN_SMTPS_PORT": str(ports["smtps"]),
        "POSTHORN_RETURNS_PORT": str(ports["returns"]),
        "POSTHORN_SINK_SMTP_PORT": str(ports["sink_smtp"]),
        "POSTHORN_SINK_URL": f"http://{HOST}:{ports['sink_http']}",
        "POSTHORN_RECEIVER_URL": receiver,
        "POSTHORN_LOCAL_DNS": f"{HOST}:{ports['dns']}",
    }


def defaults(ports: Mapping[str, int]) -> dict[str, str]:
    """What the caller's environment may set otherwise."""
    sink, door = [f"{HOST}:{ports['sink_smtp']}"], [f"{HOST}:{ports['returns']}"]
    return {
        "POSTHORN_PROFILE": "local",
        "POSTHORN_DB_PREFIX": "posthorn_",
        "POSTHORN_TOPIC_PREFIX": "",
        "POSTHORN_HTTP_HOST": HOST,
        "POSTHORN_PUBLIC_URL": f"http://{HOST}:{ports['http']}",
        "POSTHORN_OTLP_ENDPOINT": f"http://{HOST}:{ports['receiver']}",
        "POSTHORN_TRACE_RATIO": "1.0",
        "POSTHORN_STATIC_MX": json.dumps({**dict.fromkeys(LOCAL_DOMAINS, sink), RETURNS_DOMAIN: door}),
        "POSTHORN_RETURNS_DOMAIN": RETURNS_DOMAIN,
        "POSTHORN_RETURNS_FEEDBACK_ADDRESSES": json.dumps([f"complaints@{RETURNS_DOMAIN}"]),
        "POSTHORN_ALLOW_PRIVATE_TARGETS": "true",
        "POSTHORN_DOMAIN_RESOLVERS": json.dumps([f"{HOST}:{ports['dns']}"]),
        # A laptop is idle most of the time: fetches that end with their first byte, and no empty answers in between.
        "POSTHORN_STANDARD_WAIT_MS": "500",
        "POSTHORN_STANDARD_MIN_BYTES": "1",
        "POSTHORN_EVENTS_WAIT_MS": "500",
        "POSTHORN_EVENTS_MIN_BYTES": "1",
        # A service that was killed is missed after this long instead of 45 s.
        "POSTHORN_SESSION_TIMEOUT_MS": "10000",
    }


def service_environment(
    home: Path, ports: Mapping[str, int], kafka_bootstrap: str, mongo_url: str, caller: Mapping[str, str]
) -> dict[str, str]:
    """Every POSTHORN_ setting of the services: the stack's addresses, the caller's, kept secrets, defaults."""
    given = {key: text for key, text in caller.items() if key.startswith("POSTHORN_")}
    decided = decided_by_stack(home, ports, kafka_bootstrap, mongo_url)
    certificate = {f"POSTHORN_{door}_CERTIFICATE_FILE": str(smtp_certificate(home)) for door in ("SMTP", "RETURNS")}
    return {**defaults(ports), **certificate, **kept_secrets(home), **given, **decided}
