"""The snippets tell ours from others, run as they stand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.webhooks.console.snippets import SNIPPETS
from services.webhooks.signing import Post, signer
from services.webhooks.signing_secrets import Style, new_secret, public_key_of

BODY = '{"type":"email.sent","name":"Zoë"}'.encode()
PYTHON = """import json, sys
from verify import verify
print(json.dumps([verify(headers, body.encode()) for headers, body in json.load(sys.stdin)]))
"""
NODE = """import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([headers, body]) => verify(headers, Buffer.from(body)))));
"""
RUNNERS = {"verify.py": ("run.py", PYTHON, sys.executable), "verify.mjs": ("run.mjs", NODE, shutil.which("node"))}


@pytest.mark.parametrize("file", RUNNERS)
@pytest.mark.parametrize("style", Style)
def test_a_snippet_takes_what_is_ours_and_nothing_else(style: Style, file: str, tmp_path: Path) -> None:
    name, runner, program = RUNNERS[file]
    if program is None:
        pytest.skip("no Node")
    (snippet,) = (each for each in SNIPPETS[style] if each.file == file)
    (tmp_path / file).write_text(snippet.text)
    (tmp_path / name).write_text(runner)
    ours, other = new_secret(style), new_secret(style)
    now = int(time.time())
    signed = [
        signer(style, [ours])(Post("msg_1", "email.sent", now, BODY)),
        signer(style, [other, ours])(Post("msg_1", "email.sent", now, BODY)),
        signer(style, [other])(Post("msg_1", "email.sent", now, BODY)),
        signer(style, [ours])(Post("msg_1", "email.sent", now - 3600, BODY)),
    ]
    cases = [*((headers, BODY.decode()) for headers in signed), (signed[0], BODY.decode() + " ")]
    lists, dated = style in (Style.STANDARD, Style.ED25519), style is not Style.SENDY
    secrets = {"WEBHOOK_SECRET": ours, "WEBHOOK_PUBLIC_KEY": public_key_of(ours) if style is Style.ED25519 else ""}
    done = subprocess.run(
        [program, name], cwd=tmp_path, env={**os.environ, **secrets}, input=json.dumps(cases), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [True, lists, False, not dated, False]
