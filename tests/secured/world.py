"""Secured servers, the users that `posthorn access` makes there, and a stack whose every part is one of them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.install import CHECKOUT
from deploy.local.parts import SERVICES as PROGRAMS
from deploy.local.stack import Stack
from deploy.local.starting import start_together, stop_together
from services.roles import SERVICES, parse_spec
from shared.connections import ConnectionSettings
from tests.e2e.conftest import QUICK
from tests.fixtures.own_ports import own_ports
from tests.fixtures.settings import settings_as
from tests.secured.certificates import Authority
from tests.secured.kafka import ADMIN as KAFKA_ADMIN
from tests.secured.kafka import NODE, SecuredKafka
from tests.secured.mongod import ADMIN as MONGO_ADMIN
from tests.secured.mongod import SecuredMongo

PREFIX = "secured_"
HTTP = "posthorn-http"
OPERATOR = "posthorn-operator"
ALL_HTTP = [f"{name}:http" for name in SERVICES]


@dataclass
class World:
    """`passwords` has a file for each user, as a mounted Secret would."""

    home: Path
    authority: Authority
    kafka: SecuredKafka
    mongo: SecuredMongo
    passwords: Path
    admin_password: str
    provoked: set[str] = field(default_factory=set)

    def new_denials(self) -> list[str]:
        """What the servers refused and no test meant to be refused."""
        return [line for server in (self.kafka, self.mongo) for line in server.denials() if line not in self.provoked]

    def note_denials(self) -> list[str]:
        """The same, and from now on it counts as meant."""
        found = self.new_denials()
        self.provoked |= set(found)
        return found

    def places(self) -> dict[str, str]:
        """Where the servers are and whom to trust, without a user."""
        ca = str(self.authority.ca_file)
        return {
            "POSTHORN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "POSTHORN_KAFKA_CA_FILE": ca,
            "POSTHORN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "POSTHORN_MONGO_URL": self.mongo.url,
            "POSTHORN_MONGO_CA_FILE": ca,
            "POSTHORN_DB_PREFIX": PREFIX,
            "POSTHORN_TOPIC_PREFIX": PREFIX,
        }

    def as_user(self, user: str) -> dict[str, str]:
        return self._as(user, user, (self.passwords / user).read_text())

    def as_admin(self) -> dict[str, str]:
        return self._as(KAFKA_ADMIN, MONGO_ADMIN, self.admin_password)

    def settings(self, user: str, **other: str) -> ConnectionSettings:
        named = {**self.places(), **self.as_user(user)}
        return settings_as(ConnectionSettings, named, **other)

    def access(self, *arguments: str) -> str:
        """Runs `posthorn access …` as the administrator; what it printed."""
        environ = {**_plain(), **self.places(), **self.as_admin(), "POSTHORN_PASSWORDS": str(self.passwords)}
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", "access", *arguments],
            env={**environ, "POSTHORN_HOME": str(self.home / "nowhere")}, cwd=CHECKOUT, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_users(self) -> None:
        """One user for each service, one for the operator, and one for the process with all http roles."""
        self.passwords.mkdir()
        for user in [f"posthorn-{name}" for name in SERVICES] + [OPERATOR, HTTP]:
            (self.passwords / user).write_text(secrets.token_urlsafe(24))
        for server in ("kafka", "mongo"):
            self.access(server, "--apply")
            self.access(server, *ALL_HTTP, "--user", HTTP, "--apply")

    def stack(self) -> Stack:
        """Its commands are the operator's, each of its processes has the user of its service."""
        environ = {**_plain(), **QUICK, **self.places(), **self.as_user(OPERATOR)}
        own = {program.name: self.as_user(user_of(program.arguments)) for program in PROGRAMS}
        return Stack(self.home / "stack", port_base=own_ports(26300), environ=environ, own=own)

    def end(self) -> None:
        stop_together((self.kafka, self.mongo), lambda text: None)

    def _as(self, kafka: str, mongo: str, password: str) -> dict[str, str]:
        return {
            "POSTHORN_KAFKA_USERNAME": kafka,
            "POSTHORN_KAFKA_PASSWORD": password,
            "POSTHORN_MONGO_USERNAME": mongo,
            "POSTHORN_MONGO_PASSWORD": password,
        }


def make_world(home: Path) -> World:
    """Both servers, ready, with every user."""
    authority, password = Authority(home / "tls"), secrets.token_urlsafe(24)
    port = own_ports(26400)
    kafka = SecuredKafka(home, port, port + 1, authority.issue(NODE), authority.ca_file, password)
    mongo = SecuredMongo(home, port + 2, authority.issue("mongod"), authority.ca_file, password)
    world = World(home, authority, kafka, mongo, home / "passwords", password)
    try:
        start_together((kafka, mongo), lambda text: None)
        world.make_users()
    except BaseException:
        world.end()
        raise
    return world


def user_of(arguments: tuple[str, ...]) -> str:
    """The user of a program of the stack, by the services in it."""
    names = {parse_spec(each)[0] for each in arguments[arguments.index("run") + 1 :]}
    return HTTP if len(names) > 1 else f"posthorn-{names.pop()}"


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
