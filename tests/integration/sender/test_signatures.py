"""Which keys sign: those that ingest's rotation calls active, and the platform's; dkimpy verifies each of them."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path
from typing import Any

from shared.contracts.messages import Message, Versions
from shared.dkim_keys import ED25519, generate_key, txt_record
from tests.integration.sender.signing_keys import Keys
from tests.integration.sender.world import World


async def raw_of(world: World, message: Message) -> bytes:
    await world.clear(message)
    await world.events(message, "delivered")
    (found,) = await world.at_sink(message.recipient)
    return bytes((await world.sink.http.get(f"/messages/{found['id']}/raw")).content)


async def test_a_rotation_from_key_to_key_under_a_running_sender(world: World) -> None:
    keys = Keys(world)
    keys.add("ph1")
    await keys.say(2, active="ph1")
    async with world.sender():
        assert keys.verified(await raw_of(world, await version(world, 2, "one"))) == {"ph1": True}
        keys.add("ph2")
        await keys.say(3, active="ph1", rotate=True)
        assert keys.verified(await raw_of(world, await version(world, 3, "two"))) == {"ph1": True}
        await keys.say(4, active="ph2")
        assert keys.verified(await raw_of(world, await version(world, 4, "new"))) == {"ph2": True}
        # one that was accepted before is signed with the key of now: the old one may be gone when it arrives
        assert keys.verified(await raw_of(world, await version(world, 2, "three"))) == {"ph2": True}
        keys.add("ph3", ED25519)
        await keys.say(5, active="ph2", dkim_ed25519=True)
        assert keys.verified(await raw_of(world, await version(world, 5, "four"))) == {"ph2": True}
        await keys.say(6, active="ph2", dkim_ed25519=True, active_ed25519="ph3")
        assert keys.verified(await raw_of(world, await version(world, 6, "five"))) == {"ph2": True, "ph3": True}
        # an Ed25519 key alone signs nothing, and nothing goes out unsigned
        await keys.say(7, active=None, active_ed25519="ph3")
        alone = await version(world, 7, "six")
        await world.clear(alone)
        await world.returned()
        assert await world.attempts_at_sink(alone.recipient) == 0


async def version(world: World, number: int, name: str) -> Message:
    """A message that was accepted under this version of its domain."""
    return await world.message(f"ok+{name}@sink.test", versions=Versions(workspace=1, domain=number, transport=1))


async def test_the_platform_signs_beside_the_domain_and_so_is_feedback_id(world: World, tmp_path: Path) -> None:
    private, public = generate_key(1024)
    file = tmp_path / "p1.pem"
    file.write_text(private)
    given: dict[str, Any] = {"dkim_domain": "platform.example", "dkim_selector": "p1", "dkim_key_file": file}
    keys = Keys(world)
    keys.add("ph1")
    keys.add("ph2", ED25519)
    keys.records["p1._domainkey.platform.example."] = txt_record(public)
    await keys.say(2, active="ph1", dkim_ed25519=True, active_ed25519="ph2")
    message = await world.message(tags=["sign-in"])
    async with world.sender(**given, feedback_sender_id="posthorn1"):
        raw = await raw_of(world, message)
    assert list(keys.verified(raw)) == ["ph1", "ph2", "p1"]
    assert set(keys.verified(raw).values()) == {True}
    assert message_from_bytes(raw)["Feedback-ID"] == "sign-in:product:w1:posthorn1"
    assert set(keys.verified(raw.replace(b"sign-in:", b"sign-on:")).values()) == {False}


async def test_a_platform_that_sends_for_itself_signs_once(world: World, tmp_path: Path) -> None:
    file = tmp_path / "p1.pem"
    file.write_text(generate_key(1024)[0])
    keys = Keys(world)
    keys.add("ph1")
    await keys.say(2, active="ph1")
    async with world.sender(dkim_domain="acme.example", dkim_selector="p1", dkim_key_file=file):
        assert keys.verified(await raw_of(world, await world.message())) == {"ph1": True}
