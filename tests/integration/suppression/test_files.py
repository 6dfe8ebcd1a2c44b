"""CSV in and out, over the API and by `posthorn suppressions`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner

from services.cli import app
from services.suppression.suppressions_command import importing
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import OPERATOR, URL, Suppressing, post

PLATFORM = {"authorization": f"Bearer {OPERATOR}"}


async def imported(http: httpx.AsyncClient, key: dict[str, str], data: str, **query: str) -> dict[str, Any]:
    reply = await http.post(f"{URL}/import", content=data, params=query, headers=key | {"content-type": "text/csv"})
    assert reply.status_code == 200, reply.text
    summary: dict[str, Any] = reply.json()["data"]
    return summary


async def test_a_file_is_imported_its_faulty_lines_are_told_and_again_changes_nothing(
    http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await post(http, ours, email="known@b.example")
    data = (
        "Email Address,type,note,scope,stream,expires at\r\n"
        'Ann@b.example,,"asked, by phone",,,\r\n'
        "no address,,,,,\r\n"
        "angry@b.example,complaint,,,,\r\n"
        "known@b.example,manual,,,,\r\n"
        "s@b.example,unsubscribe,,stream,billing,\r\n"
        "w@b.example,unsubscribe,,,,\r\n"
        "e@b.example,,,,,soon\r\n"
        "x@b.example,spam,,,,\r\n"
        "\r\n"
        "'=cmd|x@b.example,inactive,,,,2090-01-01T00:00:00Z\r\n"
    )
    summary = await imported(http, ours, data)
    faults = summary.pop("faults")
    assert summary == {"rows": 9, "added": 4, "replaced": 0, "unchanged": 1, "faulty": 4}
    assert [(fault["line"], fault["code"]) for fault in faults] == [
        (3, "invalid_address"), (7, "unsubscribe_needs_scope"), (8, "invalid_time"), (9, "invalid_choice"),
    ]  # fmt: skip
    again = await imported(http, ours, data)
    assert (again["added"], again["replaced"], again["unchanged"], again["faulty"]) == (0, 0, 5, 4)
    ann = (await http.get(f"{URL}/ann@b.example", headers=ours)).json()["data"]
    assert (ann["reason"], ann["origin"], ann["type"]) == ("asked, by phone", "import", "manual")
    formula = (await http.get(f"{URL}/=cmd%7Cx@b.example", headers=ours)).json()["data"]
    assert (formula["cause"], formula["expires_at"]) == ("inactive", "2090-01-01T00:00:00.000Z")


async def test_files_of_others_are_read_by_their_plain_columns(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    assert (await imported(http, ours, "a@b.example\nb@b.example,bounce\n"))["added"] == 2
    ses = "EmailAddress,Reason,LastUpdateTime\nc@b.example,BOUNCE,2026-01-01\nd@b.example,COMPLAINT,2026-01-01"
    assert (await imported(http, ours, ses))["added"] == 2
    group = "email,created\ne@b.example,1700000000\n"
    query = {"type": "unsubscribe", "scope": "stream", "stream": "billing", "reason": "moved from elsewhere"}
    assert (await imported(http, ours, group, **query))["added"] == 1
    found = (await http.get(URL, params={"per_page": 50}, headers=ours)).json()["data"]
    assert {entry["email"][0]: entry["type"] for entry in found} == {
        "a": "manual", "b": "bounce", "c": "bounce", "d": "complaint", "e": "unsubscribe",
    }  # fmt: skip
    assert next(entry["reason"] for entry in found if entry["email"][0] == "e") == "moved from elsewhere"


async def test_what_is_no_file_of_addresses_is_refused(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    csv = ours | {"content-type": "text/csv"}
    for data, query, headers, status in (
        ("{}", {}, ours | {"content-type": "application/json"}, 415),
        ("name,age\nann,7\n", {}, csv, 422),
        ("a@b.example\n", {"scope": "stream"}, csv, 422),
        ("a@b.example\n", {"colour": "red"}, csv, 422),
        ("a@b.example\n", {}, {"content-type": "text/csv"}, 401),
    ):
        refused = await http.post(f"{URL}/import", content=data, params=query, headers=headers)
        assert refused.status_code == status, refused.text
    assert (await http.get(URL, headers=ours)).json()["data"] == []
    assert (await imported(http, ours, ""))["rows"] == 0


async def test_an_export_is_a_file_that_imports_the_same(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    for workspace_id in ("w1", "w2"):
        await answering.add_domain(workspace_id, "acme.example")
    await post(http, ours, email="=1+1@b.example", reason='=HYPERLINK("x"), they said')
    await post(http, ours, email="s@b.example", type="unsubscribe", scope="domain", domain="acme.example")
    await post(http, ours, email="angry@b.example", type="complaint")
    exported = await http.get(f"{URL}/export", headers=ours)
    assert exported.headers["content-type"].startswith("text/csv")
    assert "attachment" in exported.headers["content-disposition"]
    assert "'=1+1@b.example" in exported.text
    assert not any(line.startswith(("=", "+", "-", "@")) for line in exported.text.splitlines())
    assert (await imported(http, theirs, exported.text))["added"] == 3
    mine, copy = [
        {(each["email"], each["cause"], each["reason"], each["scope"], each["domain"])
         for each in (await http.get(URL, headers=key)).json()["data"]} for key in (ours, theirs)
    ]  # fmt: skip
    assert mine == copy
    assert len(mine) == 3


async def test_the_operator_imports_for_the_platform_and_the_sweep_tells_the_sender(
    answering: Suppressing, http: httpx.AsyncClient
) -> None:
    headers = PLATFORM | {"content-type": "text/csv"}
    data = "".join(f"a{number}@b.example\n" for number in range(1200))
    reply = await http.post("/v1/platform/suppressions/import", content=data, headers=headers)
    assert reply.json()["data"]["added"] == 1200
    assert len((await http.get("/v1/platform/suppressions/export", headers=PLATFORM)).text.splitlines()) == 1201
    while await answering.store.outbox.sweep(older_than=-60):
        pass
    records = await answering.deployment.records(SUPPRESSION_CHANGES, 1200)
    assert {SuppressionChange.decode(record.value).scope for record in records} == {"platform"}


class Served:
    """The API on a port, and the command that asks it."""

    def __init__(self, port: int, key: str, home: Path) -> None:
        self._given = {"POSTHORN_PUBLIC_URL": f"http://127.0.0.1:{port}", "POSTHORN_HOME": str(home), "COLUMNS": "250"}
        self._key = key

    async def run(self, *arguments: str, key: str | None = None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        kept = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        given = {**kept, **self._given, "POSTHORN_API_KEY": key or self._key, "POSTHORN_OPERATOR_TOKEN": OPERATOR}
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["suppressions", *arguments], env=given)
        return ended.exit_code, ended.stdout, ended.stderr

    async def says(self, *arguments: str) -> Any:
        code, out, err = await self.run(*arguments, "--json")
        assert (code, err) == (0, ""), (out, err)
        return orjson.loads(out)


@pytest.fixture
async def served(http: httpx.AsyncClient, ours: dict[str, str], tmp_path: Path) -> AsyncIterator[Served]:
    api: FastAPI = http._transport.app  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    key = ours["authorization"].removeprefix("Bearer ")
    yield Served(server.servers[0].sockets[0].getsockname()[1], key, tmp_path)
    server.should_exit = True
    await serving


async def test_the_command_does_all_of_it(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ROWS_AT_ONCE", 100)
    file = tmp_path / "list.csv"
    rows = [f'a{number}@b.example,"two\nlines"' for number in range(250)] + ["nobody,x"]
    file.write_text("email,reason\n" + "\n".join(rows) + "\n")
    summary = await served.says("import", str(file))
    assert (summary["added"], summary["faulty"], summary["faults"][0]["line"]) == (250, 1, 502)
    again = await served.says("import", str(file), "--from-line", "402")
    assert (again["added"], again["unchanged"], again["rows"]) == (0, 50, 51)
    assert [each["status"] for each in await served.says("add", "x@b.example", "a1@b.example")] == [201, 200]
    verdicts = await served.says("check", "x@b.example", "free@b.example", "--stream", "billing")
    assert [each["verdict"] for each in verdicts] == ["suppressed", "send"]
    assert (await served.says("list", "--search", "x@b.example"))["data"][0]["email"] == "x@b.example"
    assert [each["status"] for each in await served.says("remove", "x@b.example", "--reason", "back")] == [204]
    code, out, _ = await served.run("export")
    assert (code, len([line for line in out.splitlines() if line.startswith("a")])) == (0, 250)
    code, out, _ = await served.run("remove", "x@b.example")
    assert (code, "404" in out) == (1, True)
    code, _, err = await served.run("list", key="ph_live_nonsense")
    assert (code, "401" in err) == (1, True)
    code, out, _ = await served.run("--platform", "add", "trap@b.example")
    assert (code, "201" in out) == (0, True)
