"""Finds Java and Maven, or installs them where apt-get may."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import InstallError

OLDEST_JAVA = 17
JVM_FOLDER = Path("/usr/lib/jvm")
JAVA_PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless")


def find_java(say: Callable[[str], None]) -> str:
    """The path of a `java` of version 17 or newer; installed with apt-get if missing. Raises InstallError."""
    java = _usable_java()
    for package in JAVA_PACKAGES:
        if java or not _apt_install(package, say):
            continue
        java = _usable_java()
    if java is None:
        raise InstallError(f"Kafka needs Java {OLDEST_JAVA} or newer (Debian: apt-get install {JAVA_PACKAGES[0]})")
    return java


def find_maven(say: Callable[[str], None]) -> str:
    """The path of `mvn`; installed with apt-get if missing. Raises InstallError."""
    maven = shutil.which("mvn")
    if maven is None and _apt_install("maven", say):
        maven = shutil.which("mvn")
    if maven is None:
        raise InstallError("Kafka is downloaded with Maven (Debian: apt-get install maven); or set KAFKA_HOME")
    return maven


def _usable_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    candidates += [found] if (found := shutil.which("java")) else []
    candidates += sorted(str(path) for path in JVM_FOLDER.glob("*/bin/java"))
    return next((java for java in candidates if _java_version(java) >= OLDEST_JAVA), None)


def _java_version(java: str) -> int:
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    except OSError:
        return 0
    match = re.search(r'version "(\d+)', shown)
    return int(match.group(1)) if match else 0


def _apt_install(package: str, say: Callable[[str], None]) -> bool:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    say(f"installing {package} with apt-get")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = [apt, "update", "-q"]
    install = [apt, "install", "-q", "-y", "--no-install-recommends", package]
    return all(subprocess.run(step, env=env, capture_output=True).returncode == 0 for step in (update, install))
