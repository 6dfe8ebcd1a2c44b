"""What the stack uses instead of a download, and that a download is there whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import install, java
from deploy.local.errors import InstallError

FILL_SLOWLY = """
import sys, time
from pathlib import Path
from deploy.local.install import once
def fill(target):
    print("filled", flush=True)
    time.sleep(0.3)
    (target / "file").write_text("whole")
print((once(Path(sys.argv[1]), "thing", fill) / "file").read_text())
"""


def silent(text: str) -> None:
    pass


def test_a_failed_download_leaves_nothing(tmp_path: Path) -> None:
    def fill(target: Path) -> None:
        (target / "half").write_text("half")
        raise InstallError("the network is down")

    with pytest.raises(InstallError, match="the network is down"):
        install.once(tmp_path, "thing", fill)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thing.lock"]
    assert install.once(tmp_path, "thing", lambda target: None).is_dir()


def test_what_a_killed_download_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "thing.part-killed").mkdir()
    install.once(tmp_path, "thing", lambda target: None)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["thing", "thing.lock"]


def test_two_at_a_time_download_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL_SLOWLY, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(process.communicate(timeout=20)[0] for process in both)
    assert (said.count("filled"), said.count("whole")) == (1, 2)


def test_servers_on_the_path_are_used(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "mongod"
    script = tmp_path / "kafka" / "bin" / "kafka-server-start.sh"
    for file in (program, script, tmp_path / "kafka" / "libs" / "kafka_2.13-4.3.1.jar"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)
    environ = {"PATH": f"{program.parent}:{script.parent}", "POSTHORN_CACHE": str(tmp_path / "cache")}
    assert install.mongod_program(silent, environ) == program
    assert install.kafka_libs(silent, environ) == tmp_path / "kafka" / "libs"
    home = {"PATH": "", "KAFKA_HOME": str(tmp_path / "kafka"), "POSTHORN_CACHE": str(tmp_path / "cache")}
    assert install.kafka_libs(silent, home) == tmp_path / "kafka" / "libs"
    with pytest.raises(InstallError, match="KAFKA_HOME"):
        install.kafka_libs(silent, {**home, "KAFKA_HOME": str(tmp_path)})


def test_missing_java_and_maven_are_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "JVM_FOLDER", tmp_path)
    with pytest.raises(
        InstallError, match=r"Java 17 or newer .*apt-get install openjdk-17-jre-headless"
    ) as java_missing:
        java.find_java(silent)
    with pytest.raises(InstallError, match="apt-get install maven") as maven_missing:
        java.find_maven(silent)
    assert "\n" not in str(java_missing.value) + str(maven_missing.value)


def test_an_old_java_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("11.0.2", "21.0.1"):
        program = tmp_path / version / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024' >&2\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "11.0.2" / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "JVM_FOLDER", tmp_path)
    assert java.find_java(silent) == str(tmp_path / "21.0.1" / "bin" / "java")
