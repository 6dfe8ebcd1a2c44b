"""The SMTP sink's behaviours, over real SMTP."""

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator

import aiosmtplib
import pytest

from deploy.local.sink_behaviours import Settings
from tests.fixtures.local_tools import HOST, OpenSink, open_sink

MESSAGE = b"Subject: hello\r\n\r\n.starts with a dot\r\n..two\r\nbare\nfeed\r\n.\x20\r\n"


@pytest.fixture
async def sink() -> AsyncIterator[OpenSink]:
    async with open_sink() as opened:
        yield opened


async def send(sink: OpenSink, *recipients: str, content: bytes = MESSAGE, sender: str = "a@app.test") -> str:
    """The reply to the dot, `code text`; raises what aiosmtplib raises."""
    async with aiosmtplib.SMTP(hostname=HOST, port=sink.port, start_tls=False, timeout=5) as client:
        _, reply = await client.sendmail(sender, list(recipients), content)
        return reply


async def deliveries(sink: OpenSink, recipient: str) -> int:
    counts: dict[str, dict[str, int]] = (await sink.http.get("/counts", params={"recipient": recipient})).json()
    return counts["deliveries"][recipient]


async def test_keeps_the_content_byte_for_byte(sink: OpenSink) -> None:
    reader, writer = await asyncio.open_connection(HOST, sink.port)
    stuffed = MESSAGE.replace(b"\r\n.", b"\r\n..")
    commands = (
        b"EHLO me\r\nMAIL FROM:<a@app.test> SIZE=10\r\nRCPT TO:<Ok+1@x.test>\r\nDATA\r\n" + stuffed + b".\r\nQUIT\r\n"
    )
    for position in range(0, len(commands), 7):  # odd pieces, all pipelined
        writer.write(commands[position : position + 7])
        await writer.drain()
    replies = (await asyncio.wait_for(reader.read(), 5)).decode()
    assert "250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE" in replies
    assert replies.endswith("250 2.0.0 kept as 1.1\r\n221 2.0.0 bye\r\n")
    (kept,) = (await sink.http.get("/messages", params={"recipient": "ok+1@x.test"})).json()
    assert (kept["sender"], kept["recipients"], kept["tls"]) == ("a@app.test", ["Ok+1@x.test"], False)
    assert (await sink.http.get(f"/messages/{kept['id']}/raw")).content == MESSAGE
    writer.close()


async def test_an_empty_message_is_one(sink: OpenSink) -> None:
    await send(sink, "ok@x.test", content=b"")
    assert await deliveries(sink, "ok@x.test") == 1


@pytest.mark.parametrize(
    ("recipient", "code", "text"),
    [
        ("tempfail@x.test", 451, "4.3.0"),
        ("tempfail+a@x.test", 451, "4.3.0"),
        ("tempfail-12@x.test", 451, "4.3.0"),
        ("permfail@x.test", 550, "5.1.1"),
        ("blocked@x.test", 550, "5.7.1"),
        ("mailbox-full-3@x.test", 452, "4.2.2"),
    ],
)
async def test_refuses_at_rcpt_every_time(sink: OpenSink, recipient: str, code: int, text: str) -> None:
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(sink, recipient)
        assert refused.value.recipients[0].code == code
        assert refused.value.recipients[0].message.startswith(text)
    counts = (await sink.http.get("/counts")).json()
    assert counts["attempts"] == counts["refusals"] == {recipient: 2}
    assert counts["totals"] == {"attempts": 2, "refusals": 2, "deliveries": 0}


async def test_other_names_are_accepted(sink: OpenSink) -> None:
    await send(sink, "tempfailure@x.test", "alice@x.test")
    assert await deliveries(sink, "tempfailure@x.test") == 1


async def test_greylist_accepts_after_the_wait(sink: OpenSink) -> None:
    async with aiosmtplib.SMTP(hostname=HOST, port=sink.port, start_tls=False) as client:
        for _ in range(2):  # at once is too soon
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await client.sendmail("a@app.test", ["greylist@x.test"], MESSAGE)
            await client.rset()
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(sink, "greylist@x.test")
    deadline = time.monotonic() + 5
    while await deliveries(sink, "greylist@x.test") == 0:
        assert time.monotonic() < deadline
        try:
            await send(sink, "greylist@x.test")
        except aiosmtplib.SMTPRecipientsRefused:
            await asyncio.sleep(0.05)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send(sink, "greylist@x.test", sender="other@app.test")


async def test_defer_once_is_once_per_address(sink: OpenSink) -> None:
    for recipient in ("defer-once@x.test", "defer-once+2@x.test"):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await send(sink, recipient)
        await send(sink, recipient)


async def test_reject_data_refuses_at_the_dot(sink: OpenSink) -> None:
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send(sink, "reject-data@x.test")
    assert refused.value.code == 554
    assert await deliveries(sink, "reject-data@x.test") == 0


async def test_slow_waits_before_the_last_reply(sink: OpenSink) -> None:
    began = time.monotonic()
    await send(sink, "slow@x.test")
    assert 0.3 <= time.monotonic() - began < 3


async def test_drop_in_data_keeps_nothing_and_accepts_the_second_try(sink: OpenSink) -> None:
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(sink, "drop-in-data@x.test", content=b"x" * 70 + b"\r\n")
    assert await deliveries(sink, "drop-in-data@x.test") == 0
    await send(sink, "drop-in-data@x.test")
    assert await deliveries(sink, "drop-in-data@x.test") == 1


async def test_drop_after_dot_keeps_the_message_and_says_nothing(sink: OpenSink) -> None:
    for expected in (1, 2):
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await send(sink, "drop-after-dot@x.test")
        assert await deliveries(sink, "drop-after-dot@x.test") == expected
    (newest, _) = (await sink.http.get("/messages")).json()
    assert newest["acknowledged"] is False
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(sink, "drop-after-dot-once@x.test")
    await send(sink, "drop-after-dot-once@x.test")
    assert await deliveries(sink, "drop-after-dot-once@x.test") == 2


async def test_close_421_replies_and_closes(sink: OpenSink) -> None:
    reader, writer = await asyncio.open_connection(HOST, sink.port)
    writer.write(b"HELO me\r\nMAIL FROM:<a@app.test>\r\nRCPT TO:<close-421@x.test>\r\n")
    assert (await asyncio.wait_for(reader.read(), 5)).splitlines()[-1] == b"421 4.3.2 closing the connection"
    writer.close()


async def test_bad_order_and_bad_syntax(sink: OpenSink) -> None:
    async with aiosmtplib.SMTP(hostname=HOST, port=sink.port, start_tls=False) as client:
        commands = [
            b"RCPT TO:<a@x.test>",
            b"DATA",
            b"MAIL a@x.test",
            b"RUN",
            b"STARTTLS",
            b"MAIL FROM:<a@x.test>",
            b"DATA",
        ]
        replies = [(await client.execute_command(command)).code for command in commands]
    assert replies == [503, 503, 501, 500, 503, 250, 554]


async def test_starttls() -> None:
    async with open_sink(tls=True) as sink:

        def converse() -> None:
            with smtplib.SMTP(HOST, sink.port, timeout=5) as client:
                client.starttls()
                assert "starttls" not in (client.ehlo(), client.esmtp_features)[1]
                client.sendmail("a@app.test", ["ok@x.test"], MESSAGE)
                client.sendmail("a@app.test", ["ok@x.test"], MESSAGE)

        await asyncio.to_thread(converse)
        newest, first = (await sink.http.get("/messages")).json()
        assert (newest["tls"], newest["number_in_session"], first["number_in_session"]) == (True, 2, 1)
        (session,) = (await sink.http.get("/sessions")).json()
        assert session["messages"] == 2


async def test_forgets_the_oldest_and_everything_when_told() -> None:
    async with open_sink(keep=3) as sink:
        for number in range(5):
            await send(sink, f"ok+{number}@x.test")
        kept = (await sink.http.get("/messages")).json()
        assert [message["recipients"] for message in kept] == [[f"ok+{number}@x.test"] for number in (4, 3, 2)]
        assert (await sink.http.get("/messages", params={"recipient": "ok+0@x.test"})).json() == []
        assert (await sink.http.delete("/messages")).status_code == 204
        assert (await sink.http.get("/messages")).json() == []
        assert (await sink.http.get("/counts")).json()["totals"]["deliveries"] == 0


async def test_takes_a_load_in_linear_time() -> None:
    async with open_sink(keep=500, settings=Settings()) as sink:

        async def send_many(client_number: int) -> None:
            async with aiosmtplib.SMTP(hostname=HOST, port=sink.port, start_tls=False) as client:
                for number in range(100):
                    await client.sendmail("a@app.test", [f"ok+{client_number}-{number}@x.test"], MESSAGE)

        await asyncio.wait_for(asyncio.gather(*map(send_many, range(20))), 30)
        assert (await sink.http.get("/counts")).json()["totals"]["deliveries"] == 2000
