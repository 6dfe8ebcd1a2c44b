"""Detached processes and their pid files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.processes import DetachedProcess, ProcessIdentity, start_mark, wait_until
from tests.fixtures.process_groups import group_members

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = [sys.executable, "-c", "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


def test_a_recycled_pid_is_neither_seen_nor_killed(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER, start_new_session=True)
    try:
        process = DetachedProcess("x", tmp_path)
        process.pid_file.parent.mkdir()
        process.pid_file.write_text(json.dumps(vars(ProcessIdentity(stranger.pid, "an earlier start", 0.0))))
        assert process.identity() is None
        assert process.signal(signal.SIGKILL) is False
        process.stop(grace=1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    process = DetachedProcess("x", tmp_path)
    pid = process.start(PARENT, os.environ).pid
    assert wait_until(lambda: len(group_members(pid)) == 2, 10)
    process.stop(grace=5)
    assert wait_until(lambda: group_members(pid) == [], 5)
    assert not process.pid_file.exists()


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    process = DetachedProcess("x", tmp_path)
    pid = process.start(DEAF, os.environ).pid
    assert wait_until(lambda: process.log_tail() == "deaf", 10)
    process.stop(grace=0.2)
    assert start_mark(pid) is None


def test_a_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from deploy.local.processes import DetachedProcess;"
        f"DetachedProcess('x', Path({str(tmp_path)!r})).start({SLEEPER!r}, os.environ)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    process = DetachedProcess("x", tmp_path)
    assert process.identity() is not None
    process.stop(grace=5)
    assert process.identity() is None


def test_a_command_that_cannot_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="/no/such/program"):
        DetachedProcess("x", tmp_path).start(["/no/such/program"], os.environ)
