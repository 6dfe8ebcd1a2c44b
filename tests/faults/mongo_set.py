"""Three mongods as one replica set: who is its primary, what only one member has, what was rolled back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
from pymongo.errors import PyMongoError

from deploy.local.mongo_server import Members, MongoServer
from deploy.local.parts import wait_ready
from deploy.local.processes import wait_until

ELECTION_MS = 8_000
ELECTION_SECONDS = 60.0  # an election on a busy machine


class MongoSet:
    """Members on ports from `port_base` on, their state below `home`."""

    def __init__(self, home: Path, port_base: int, count: int = 3) -> None:
        members = Members(tuple(range(port_base, port_base + count)), ELECTION_MS)
        self.nodes = [MongoServer(home / str(port), port, members=members) for port in members.ports]
        self.url = members.url

    def start(self, *nodes: MongoServer) -> None:
        """Starts members and waits until each of them is one again."""
        for node in nodes:
            node.start(print)
        for node in nodes:
            wait_ready(node)

    def kill(self, node: MongoServer) -> None:
        """Ends a member at once."""
        assert node.process.signal(signal.SIGKILL)
        assert node.process.wait_ended(10)

    def primary(self, other_than: MongoServer | None = None, seconds: float = ELECTION_SECONDS) -> MongoServer:
        """The member that takes writes, of the newest election; waits for one."""
        found: list[MongoServer] = []

        def elected() -> bool:
            elections = {node.port: (self._hello(node), node) for node in self.nodes if node is not other_than}
            writable = [each for each in elections.values() if each[0].get("isWritablePrimary")]
            found[:] = [node for _, node in sorted(writable, key=lambda each: each[0]["electionId"])]
            return bool(found)

        assert wait_until(elected, seconds), f"no primary after {seconds:g} s"
        return found[-1]

    def others(self, node: MongoServer) -> list[MongoServer]:
        return [each for each in self.nodes if each is not node]

    def step_down(self, node: MongoServer, seconds: int = 10) -> None:
        """Has the primary hand over to a secondary that has caught up, and not come back for `seconds`."""
        with node.client(seconds=30) as client:
            client.admin.command({"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 5})

    def halt(self, node: MongoServer) -> None:
        """Halts a member: it keeps its connections, and when it goes on it takes itself for what it was."""
        assert node.process.signal(signal.SIGSTOP)

    def go_on(self, node: MongoServer) -> None:
        assert node.process.signal(signal.SIGCONT)

    def unshared(self, node: MongoServer) -> list[dict[str, Any]]:
        """The operations of a member's oplog that no majority has, as far as it knows."""
        with node.client(seconds=10) as client:
            committed = client.admin.command("replSetGetStatus")["optimes"]["lastCommittedOpTime"]["ts"]
            return list(client["local"]["oplog.rs"].find({"ts": {"$gt": committed}, "op": {"$in": ["i", "u", "d"]}}))

    def _hello(self, node: MongoServer) -> dict[str, Any]:
        """What a member says of itself; {} while it does not answer."""
        try:
            with node.client() as client:
                return client.admin.command("hello")
        except PyMongoError:
            return {}

    def present(self, namespace: str) -> set[Any]:
        """The ids of a collection's documents."""
        database, _, collection = namespace.partition(".")
        with self.primary().client(seconds=10) as client:
            return set(client[database][collection].distinct("_id"))

    def rolled_back(self, node: MongoServer) -> dict[str, list[dict[str, Any]]]:
        """The documents that a member put aside when it rolled back, as it had them, by `database.collection`; {} until
        that is over: a member is a secondary for a moment before it rolls back, too, but has put nothing aside then."""
        put_aside = (node.folder / "rollback").glob("*/removed.*.bson")
        if not any(put_aside) or not self._hello(node).get("secondary"):
            return {}
        names: dict[str, str] = {}
        with self.primary().client(seconds=10) as client:
            for database in client.list_database_names():
                for each in client[database].list_collections():
                    if "uuid" in each.get("info", {}):
                        names[str(each["info"]["uuid"].as_uuid())] = f"{database}.{each['name']}"
        found: dict[str, list[dict[str, Any]]] = {}
        for file in sorted((node.folder / "rollback").glob("*/removed.*.bson")):
            documents = found.setdefault(names.get(file.parent.name, file.parent.name), [])
            documents += bson.decode_all(file.read_bytes())
        return found


@contextmanager
def mongo_set(home: Path, port_base: int) -> Iterator[MongoSet]:
    """A running set; stopped at the end, halted members too."""
    made = MongoSet(home, port_base)
    try:
        made.start(*made.nodes)
        made.primary()
        yield made
    finally:
        for node in made.nodes:  # for good, and halted ones too
            node.process.signal(signal.SIGKILL)
        for node in made.nodes:
            node.process.stop(node.stop_seconds)
