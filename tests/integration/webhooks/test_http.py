"""The guarded client against a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from services.webhooks.http import Poster, Request
from tests.fixtures.http_receiver import Answer, HttpReceiver


def to(url: str, headers: dict[str, str] | None = None, timeout: float = 2) -> Request:
    return Request("POST", url, headers or {}, b"{}", timeout)


@pytest.fixture
async def guarded() -> AsyncIterator[Poster]:
    async with Poster(allow_private=False) as poster:
        yield poster


@pytest.fixture
async def free() -> AsyncIterator[Poster]:
    async with Poster(allow_private=True) as poster:
        yield poster


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("127.0.0.1", "private_address"),
        ("localhost", "private_address"),
        ("[::ffff:127.0.0.1]", "private_address"),
        ("[::1]", "private_address"),
        ("inside.example", "private_address"),
        ("0x7f.1", "url"),
        ("2130706433", "url"),
        ("127.1", "url"),
    ],
)
async def test_no_spelling_of_a_private_address_is_dialled(
    guarded: Poster, receiver: HttpReceiver, host: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def lying_dns(name: str, *rest: object) -> object:
        return real("127.0.0.1" if name == "inside.example" else name, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", lying_dns)
    reply = await guarded.post(to(receiver.url("/", host=host)))
    # the client itself refuses the odd spellings, before there is an address to look at
    assert reply.fault in {fault, "private_address"}
    assert reply.status is None
    assert receiver.received == []


async def test_where_private_targets_are_allowed_the_same_request_arrives(free: Poster, receiver: HttpReceiver) -> None:
    reply = await free.post(to(receiver.url("/", host="localhost"), {"webhook-id": "msg_1"}))
    assert reply.ok
    assert receiver.received[0].headers["webhook-id"] == "msg_1"


async def test_a_long_answer_is_cut(free: Poster, receiver: HttpReceiver) -> None:
    receiver.script("/", Answer(500, body="é".encode() * 1_000_000))
    reply = await free.post(to(receiver.url("/")))
    assert reply.fault == "http_5xx"
    assert reply.excerpt == "é" * 2048


async def test_a_compressed_answer_is_not_unpacked(free: Poster, receiver: HttpReceiver) -> None:
    receiver.script("/", Answer(200, {"Content-Encoding": "gzip"}, b"not gzip at all"))
    reply = await free.post(to(receiver.url("/")))
    assert (reply.ok, reply.excerpt) == (True, "not gzip at all")
    assert receiver.received[0].headers["accept-encoding"] == "identity"


async def test_silence_ends_with_the_timeout(receiver: HttpReceiver) -> None:
    receiver.script("/", Answer(gate=asyncio.Event()))
    async with Poster(allow_private=True) as poster:
        reply = await poster.post(to(receiver.url("/"), timeout=0.2))
    assert (reply.status, reply.fault) == (None, "timeout")


async def test_a_cookie_of_one_endpoint_never_reaches_another(free: Poster, receiver: HttpReceiver) -> None:
    receiver.script("/", Answer(200, {"Set-Cookie": "session=theirs; Path=/"}))
    for _ in range(2):
        await free.post(to(receiver.url("/")))
    assert "cookie" not in receiver.received[1].headers


async def test_proxies_of_the_environment_are_not_used(
    free: Poster, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await free.post(to(receiver.url("/")))).ok


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://127.0.0.1:1/", "connect"),
        ("http://no-such-name.invalid/", "dns"),
    ],
)
async def test_what_never_becomes_a_request_is_told_apart(free: Poster, url: str, fault: str) -> None:
    reply = await free.post(to(url))
    assert (reply.status, reply.fault) == (None, fault)


async def test_https_to_a_server_without_tls_is_a_tls_failure(free: Poster, receiver: HttpReceiver) -> None:
    reply = await free.post(to(receiver.url("/").replace("http:", "https:")))
    assert reply.fault == "tls"


async def test_headers_without_bounds_are_refused(free: Poster, receiver: HttpReceiver) -> None:
    some = {f"X-{number}": "x" * 1000 for number in range(15)}
    receiver.script(
        "/", Answer(200, some), Answer(200, some | {"X-Last": "x" * 2000}), Answer(200, {"X-A": "x" * 9000})
    )
    replies = [await free.post(to(receiver.url("/"))) for _ in range(3)]
    assert [(reply.status, reply.fault) for reply in replies] == [(200, None), (None, "protocol"), (None, "protocol")]


async def test_an_answer_without_an_end_is_read_to_the_cap_and_no_further(free: Poster) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            sent += 4096
            await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server:
        reply = await free.post(to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout=20))
    assert (reply.status, reply.excerpt) == (200, "x" * 4096)
    assert sent < 50 * 1024 * 1024


async def test_a_redirect_is_an_answer_like_another(free: Poster, receiver: HttpReceiver) -> None:
    for status in (301, 302, 303, 307, 308):
        receiver.script("/", Answer(status, {"Location": receiver.url("/elsewhere")}))
        reply = await free.post(to(receiver.url("/")))
        assert (reply.status, reply.fault) == (status, "http_3xx")
    assert receiver.at("/elsewhere") == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
async def test_a_request_on_a_kept_connection_that_ends_under_it_is_sent_once(free: Poster, method: str) -> None:
    requests: list[int] = []
    connections = 0

    async def ends_at_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        for answered in (True, number > 1):
            head = await reader.readuntil(b"\r\n\r\n")
            if b"Content-Length: 2" in head:
                await reader.readexactly(2)
            requests.append(number)
            if not answered:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(ends_at_the_second, "127.0.0.1", 0)
    body = None if method in ("GET", "DELETE") else b"{}"
    request = Request(method, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {}, body, 20)
    async with server:
        replies = [await free.post(request) for _ in range(3)]
    assert [(reply.status, reply.fault) for reply in replies] == [(200, None), (None, "connection_lost"), (200, None)]
    assert requests == [1, 1, 2]
