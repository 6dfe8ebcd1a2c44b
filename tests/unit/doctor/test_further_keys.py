"""Keys that are known beside those that are used are looked at like them."""

from __future__ import annotations

from services.doctor.checks.keys import judge
from services.doctor.gathering.keys import gather
from services.doctor.options import Options
from services.ingest.settings import Settings as IngestSettings
from services.sender.settings import Settings as SenderSettings
from shared.secrets import SECRET_NAMES, new_secret
from shared.settings import SharedSettings
from tests.fixtures.settings import settings_as

ENVIRON = {name: new_secret(name) for name in SECRET_NAMES}


async def found(**others: str) -> list[tuple[str, str]]:
    shared = settings_as(SharedSettings, ENVIRON, **others)
    options = Options(shared, settings_as(IngestSettings, ENVIRON), settings_as(SenderSettings, ENVIRON))
    return [(each.subject, each.problem[:15]) for each in judge(await gather(options))]


async def test_further_keys_are_random_and_none_is_another_key() -> None:
    former, weak, pepper = new_secret("POSTHORN_TOKEN_KEY"), "A" * 43 + "=", ENVIRON["POSTHORN_PEPPER"]
    assert await found(other_token_keys=former) == []
    assert await found(other_token_keys=f"{former},{weak}") == [("POSTHORN_OTHER_TOKEN_KEYS, key 2", "is no random ke")]
    assert await found(other_encryption_keys=pepper) == [("POSTHORN_OTHER_ENCRYPTION_KEYS, key 1", "is the same key")]
