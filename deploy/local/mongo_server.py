"""mongod as a replica set, of one or of several; the state of each is kept below its `home`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.install import Say, mongod_program
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94


@dataclass(frozen=True)
class Members:
    """The ports of a set's members, the first of which founds it, and how long they miss a primary before they elect
    another."""

    ports: tuple[int, ...]
    election_ms: int = 10_000

    @property
    def url(self) -> str:
        """The connection string for clients."""
        hosts = ",".join(f"{HOST}:{port}" for port in self.ports)
        alone = "&directConnection=true" if len(self.ports) == 1 else ""
        return f"mongodb://{hosts}/?replicaSet={REPLICA_SET}{alone}"

    def config(self) -> dict[str, Any]:
        """What replSetInitiate takes."""
        members = [{"_id": number, "host": f"{HOST}:{port}"} for number, port in enumerate(self.ports)]
        return {"_id": REPLICA_SET, "members": members, "settings": {"electionTimeoutMillis": self.election_ms}}


class MongoServer:
    """Bound to the loopback address; a member of `members`, or a set of its own, where majority writes and transactions
    work as on a larger one."""

    name = "mongod"
    start_seconds = 90.0
    stop_seconds = 20.0

    def __init__(self, home: Path, port: int, *, members: Members | None = None) -> None:
        self.folder = home / "mongod"
        self.port = port
        self.members = members or Members((port,))
        self.process = DetachedProcess(self.name, home)

    @property
    def url(self) -> str:
        """The connection string for clients."""
        return self.members.url

    def start(self, say: Say) -> None:
        """Install mongod if it is missing and start it without waiting for it."""
        program = mongod_program(say)
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "--replSet": REPLICA_SET,
            "--dbpath": str(self.folder),
            "--bind_ip": HOST,
            "--port": str(self.port),
            "--wiredTigerCacheSizeGB": "0.5",
            "--oplogSize": "512",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        flags = [text for option in options.items() for text in option]
        # dropped collections would keep their files open for five minutes, which tests by the hundred cannot afford
        flags += ["--setParameter", "minSnapshotHistoryWindowInSeconds=0"]
        self.process.start([str(program), *flags, "--nounixsocket", "--quiet"], os.environ, self.folder)

    def client(self, seconds: float = 0.5) -> "MongoClient[dict[str, Any]]":
        """A client of this member alone, whatever its state; each of its waits ends after `seconds`."""
        ms = round(seconds * 1000)
        return MongoClient(
            HOST, self.port, directConnection=True, serverSelectionTimeoutMS=ms, connectTimeoutMS=ms, socketTimeoutMS=ms
        )

    def ready(self) -> bool:
        """Whether it takes writes, or follows the member that does; initiates the set the first time, and moves a set
        of one when its port has changed."""
        with self.client(seconds=5) as client:
            try:
                self._put_into_set(client)
                hello = client.admin.command("hello")
            except PyMongoError:
                return False
        follows = hello.get("secondary") and hello.get("primary") not in (None, hello["me"])
        return bool(hello.get("isWritablePrimary") or follows)

    def _put_into_set(self, client: "MongoClient[dict[str, Any]]") -> None:
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            if self.port == self.members.ports[0]:
                client.admin.command("replSetInitiate", self.members.config())
            return
        address = f"{HOST}:{self.port}"
        if len(config["members"]) == 1 and config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
