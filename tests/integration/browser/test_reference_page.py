"""The reference page in a browser: it is drawn, and its policy is kept."""

from __future__ import annotations

import pytest

from shared.api import create_api
from tests.fixtures.browser import OpenVisit
from tests.fixtures.served import served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_the_reference_is_drawn_without_a_violation(visit: OpenVisit, color_scheme: str) -> None:
    async with served(create_api([])) as base_url:
        visitor = await visit(base_url, color_scheme=color_scheme)
        await visitor.page.goto("/docs")
        await visitor.page.get_by_role("heading", name="Posthorn").wait_for()
        assert f"{base_url}/openapi.json" in [request.url for request in visitor.requests]
        await visitor.check()
