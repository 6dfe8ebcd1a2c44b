"""Debian's package of Postfix, whose smtp-sink and smtp-source the benches use too."""

from __future__ import annotations

import os
import shutil
import subprocess

from deploy.local.errors import InstallError

PROGRAMS = ("postfix", "smtp-source", "smtp-sink")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def install() -> None:
    """Installs Debian's package where its programs are missing. Raises InstallError."""
    if all(shutil.which(program, path=PATH) for program in PROGRAMS):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "postfix"]):
        if subprocess.run(["apt-get", *step], env=quiet, capture_output=True).returncode:
            raise InstallError("the bench needs Postfix (Debian: apt-get install postfix)")
