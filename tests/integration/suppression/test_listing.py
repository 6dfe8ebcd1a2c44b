"""Lists of suppressions, and the client library `leadpush`, unchanged: every call that it has for them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from leadpush import AsyncLeadpush, ForbiddenError, NotFoundError, UnauthorizedError, ValidationError
from leadpush.errors import UnsupportedEndpointError
from leadpush.models import SuppressionTypeFilter

from services.suppression.rules import Lesson, Place, Reason
from shared.tokens import new_api_key, uuid7
from tests.integration.suppression.conftest import URL, Suppressing, post


def client_of(http: httpx.AsyncClient, key: dict[str, str]) -> AsyncLeadpush:
    secret = key["authorization"].removeprefix("Bearer ")
    return AsyncLeadpush(secret, base_url="http://posthorn/v1", http_client=http)


async def emails(client: AsyncLeadpush, search: str) -> list[str]:
    return [entry.email async for entry in client.suppressions.list_all(search=search)]


async def test_the_library_creates_and_gets(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    client = client_of(http, ours)
    made = await client.suppressions.create(email="O/Brien+x@b.example")
    assert (made.email, made.type) == ("o/brien+x@b.example", "manual")
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=1)
    for name in (made.uuid, "o/brien+x@b.example"):
        assert (await client.suppressions.get(name)).to_dict() == made.to_dict()
    for type_ in ("bounce", "complaint"):
        assert (await client.suppressions.create(email=f"{type_}@b.example", type=type_)).type == type_


async def test_the_library_s_errors(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    client = client_of(http, ours)
    made = await client.suppressions.create(email="a@b.example")
    for name in (uuid7(), "nobody@b.example", "nonsense", "%"):
        with pytest.raises(NotFoundError):
            await client.suppressions.get(name)
    with pytest.raises(NotFoundError):
        await client_of(http, theirs).suppressions.get(made.uuid)
    with pytest.raises(ValidationError) as refused:
        await client.suppressions.create(email="nobody")
    assert refused.value.response["errors"][0]["pointer"] == "#/email"
    with pytest.raises(UnauthorizedError):
        await client_of(http, {"authorization": f"Bearer {new_api_key()}"}).suppressions.list()
    with pytest.raises(ForbiddenError):
        await client_of(http, await answering.key("w1", "email.send")).suppressions.list()
    with pytest.raises(UnsupportedEndpointError):
        await client.suppressions.update(made.uuid, email="b@b.example")


async def test_pages_are_newest_first_and_hold_every_entry_once(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    client = client_of(http, ours)
    empty = await client.suppressions.list()
    assert (empty.data, empty.meta.to_dict()) == (
        [], {"current_page": 1, "per_page": 10, "total": 0, "last_page": 1, "has_next": False},
    )  # fmt: skip
    at = datetime.now(UTC) - timedelta(days=1)
    # of the same millisecond: their order is their ids'
    lessons = [
        Lesson(Place("w1"), f"o{n}@b.example", Reason.INACTIVE, at, at + timedelta(9), "e", {}) for n in range(3)
    ]
    await answering.store.learn(lessons)
    added = [(await client.suppressions.create(email=f"a{number}@b.example")).email for number in range(2)]
    page = await client.suppressions.list(page=1, per_page=2)
    assert [entry.email for entry in page.data] == added[::-1]
    assert page.meta.to_dict() == {"current_page": 1, "per_page": 2, "total": 5, "last_page": 3, "has_next": True}
    assert [len(page.data) async for page in client.suppressions.cursor(per_page=2)] == [2, 2, 1]
    listed = [entry.email async for entry in client.suppressions.list_all(per_page=2)]
    assert listed[:2] == added[::-1]
    assert sorted(listed[2:]) == [lesson.address for lesson in lessons]
    past = await client.suppressions.list(page=9)
    assert (past.data, past.meta.has_next) == ([], False)


async def test_types_are_filtered(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    client = client_of(http, ours)
    for type_ in ("bounce", "complaint", "manual"):
        await client.suppressions.create(email=f"{type_}@b.example", type=type_)

    async def found(*types: str) -> tuple[list[str], int]:
        filters: list[SuppressionTypeFilter] = [{"id": "type", "value": types}]  # type: ignore[typeddict-item]
        page = await client.suppressions.list(filters=filters)
        return [entry.type for entry in page.data], page.meta.total

    assert await found("complaint") == (["complaint"], 1)
    assert await found("bounce", "manual") == (["manual", "bounce"], 2)
    assert await found("bounce", "complaint", "manual") == (["manual", "complaint", "bounce"], 3)
    assert await found() == ([], 0)
    one = await http.get(URL, params={"filters": '[{"id": "type", "value": "bounce"}]'}, headers=ours)
    assert [entry["email"] for entry in one.json()["data"]] == ["bounce@b.example"]


async def test_a_search_finds_whole_addresses_names_and_domains(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    client = client_of(http, ours)
    for address in ("Ann@b.example", "ann@other.example", "bob@bücher.example"):
        await client.suppressions.create(email=address)
    await client_of(http, theirs).suppressions.create(email="ann@theirs.example")
    at = datetime.now(UTC)
    lesson = Lesson(Place("w1"), "Learned@b.example", Reason.HARD_BOUNCE, at, at + timedelta(9), "e", {})
    await answering.store.learn([lesson])
    assert await emails(client, "ANN@b.example") == ["ann@b.example"]
    assert await emails(client, " Ann ") == ["ann@other.example", "ann@b.example"]
    assert await emails(client, "B.example") == await emails(client, "@b.example")
    assert sorted(await emails(client, "b.example")) == ["ann@b.example", "learned@b.example"]
    assert await emails(client, "bücher.example") == ["bob@xn--bcher-kva.example"]
    assert await emails(client, "bob@bücher.example") == ["bob@xn--bcher-kva.example"]
    for nothing in ("an", "theirs.example", "nobody@b.example", "@", "a b@c", ".*"):
        assert await emails(client, nothing) == []


async def test_what_is_removed_is_not_found_again(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    await post(http, ours, email="ann@b.example")
    assert (await http.delete(f"{URL}/ann@b.example", headers=ours)).status_code == 204
    assert await emails(client_of(http, ours), "ann") == []
    (tombstone,) = await answering.deployment.database("suppression")["suppressions"].find().to_list(None)
    assert not {"address", "parts", "standing"} & tombstone.keys()
    at = datetime.now(UTC) - timedelta(days=1)
    late = Lesson(Place("w1"), "ann@b.example", Reason.HARD_BOUNCE, at, at + timedelta(9), "e", {})
    await answering.store.learn([late])
    assert await emails(client_of(http, ours), "ann") == []
    assert "parts" not in await answering.deployment.database("suppression")["suppressions"].find_one()
    await post(http, ours, email="ann@b.example")
    assert await emails(client_of(http, ours), "ann") == ["ann@b.example"]
