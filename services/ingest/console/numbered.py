"""Lists whose pages are numbered: where the next page is, and the first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode


def numbered_urls(path: str, given: Mapping[str, str], page: int, more: bool) -> dict[str, str | None]:
    """What a list's pager leads to; `given` are the list's filters, `more` whether a page follows."""
    first = f"{path}?{urlencode(given)}" if given else path
    next_url = f"{path}?{urlencode({**given, 'page': page + 1})}" if more else None
    return {"next_url": next_url, "first_url": first if page > 1 else None}
