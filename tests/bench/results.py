"""Results of benches: one JSON file each, with the machine and the versions that made it, kept in git."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deploy.local.install import KAFKA_VERSION, MONGOD_VERSION

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("aiokafka", "faststream", "motor", "pydantic", "aiosmtplib", "fastapi", "uvicorn")


def keep(name: str, result: dict[str, Any]) -> None:
    """Writes the result of one bench and prints it as one line, the last of the bench."""
    made = {"name": name, **result, "machine": _machine(), "versions": _versions()}
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(made, indent=2) + "\n")
    print(json.dumps(made), flush=True)


def _machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "load_at_end": os.getloadavg()[0],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _versions() -> dict[str, str]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    packages = {name: version(name) for name in PACKAGES}
    servers = {"kafka": KAFKA_VERSION, "mongod": MONGOD_VERSION, "postfix": _postfix()}
    return {"commit": commit, "python": platform.python_version(), **packages, **servers}


def _postfix() -> str:
    shown = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "postfix"], capture_output=True, text=True)
    return shown.stdout.strip() or "none"
