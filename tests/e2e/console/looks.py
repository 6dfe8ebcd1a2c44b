"""How pages look to everybody: in light and dark, and on a phone."""

from __future__ import annotations

from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import PHONE, Visit, assert_accessible


async def assert_sound(console: OpenConsole, *paths: str) -> None:
    """Each page is there, without grave faults in light, in dark and at 390 px, and no wider than that."""
    visits: list[tuple[Visit, bool]] = [
        (await console(paths[0], color_scheme="light"), False),
        (await console(paths[0], color_scheme="dark"), False),
        (await console(paths[0], viewport=PHONE), True),
    ]
    for visited, small in visits:
        for path in paths:
            reply = await visited.page.goto(path)
            assert reply is not None
            assert reply.status == 200, path
            await assert_accessible(visited.page)
            if small:
                assert await visited.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
