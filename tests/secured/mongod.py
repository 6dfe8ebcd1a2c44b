"""A mongod that takes nobody without TLS, and lets nobody do anything without a user."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.install import Say, mongod_program
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess

ADMIN = "mongo-admin"
DENIED = "Checking authorization failed"
REPLICA_SET = "secured"
ALREADY_INITIALIZED, UNAUTHORIZED = 23, 13


class SecuredMongo:
    """A set of one; `ADMIN` is its administrator, with `password`."""

    name = "mongod"
    start_seconds = 120.0
    stop_seconds = 20.0

    def __init__(self, home: Path, port: int, certificate: Path, ca: Path, password: str) -> None:
        self.folder = home / "mongod"
        self.port = port
        self.process = DetachedProcess(self.name, home)
        self._certificate = certificate
        self._ca = ca
        self._password = password

    @property
    def url(self) -> str:
        return f"mongodb://{HOST}:{self.port}/?replicaSet={REPLICA_SET}"

    def start(self, say: Say) -> None:
        self.folder.mkdir(parents=True)
        key_file = self.folder / "key"
        key_file.write_text(secrets.token_hex(64))
        key_file.chmod(0o600)
        options = {
            "--replSet": REPLICA_SET,
            "--dbpath": str(self.folder),
            "--bind_ip": HOST,
            "--port": str(self.port),
            "--tlsMode": "requireTLS",
            "--tlsCertificateKeyFile": str(self._certificate),
            "--tlsCAFile": str(self._ca),
            "--keyFile": str(key_file),
            "--wiredTigerCacheSizeGB": "0.5",
            "--oplogSize": "512",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        flags = [text for option in options.items() for text in option]
        command = [str(mongod_program(say)), "--auth", "--tlsAllowConnectionsWithoutCertificates", "--nounixsocket"]
        self.process.start([*command, *flags], os.environ, self.folder)

    def ready(self) -> bool:
        """Whether it takes writes; founds the set and makes the administrator the first time, as the machine's own
        user may while there is no other."""
        try:
            with self.client() as client:
                self._found(client)
                return bool(client.admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False

    def client(self, **arguments: Any) -> MongoClient[dict[str, Any]]:
        tls = {"tls": True, "tlsCAFile": str(self._ca)}
        return MongoClient(
            HOST, self.port, directConnection=True, serverSelectionTimeoutMS=5000, **{**tls, **arguments}
        )

    def as_admin(self) -> MongoClient[dict[str, Any]]:
        return self.client(username=ADMIN, password=self._password)

    def denials(self) -> list[str]:
        """What was refused to somebody since the start, less what the founding asks for."""
        lines = self.process.log_file.read_text(errors="replace").splitlines()
        return [line for line in lines if DENIED in line and '"replSetInitiate"' not in line]

    def _found(self, client: MongoClient[dict[str, Any]]) -> None:
        if client.admin.command("hello").get("setName") is None:
            member = {"_id": 0, "host": f"{HOST}:{self.port}"}
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        try:
            client.admin.command("createUser", ADMIN, pwd=self._password, roles=["root"], mechanisms=["SCRAM-SHA-256"])
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:  # there is a user by now
                raise
