"""Where the tags of an HTML text stand, and their attributes' values, so that a value can be replaced and nothing else.

Read as browsers read it (HTML Living Standard, section 13.2.5 "Tokenization"), in time that grows with the length
alone: every part is matched without backtracking, and what has no end is looked for once. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_SPACE = r"[ \t\n\f\r]"
_ATTRIBUTE = rf"""
    (?P<name>[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+)
    (?: {_SPACE}*+ = {_SPACE}*+
        (?: "(?P<double>[^"]*+)" | '(?P<single>[^']*+)' | (?P<bare>[^ \t\n\f\r>"'][^ \t\n\f\r>]*+) | (?=>) )
      | (?! {_SPACE}*+ = )
    )
"""
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _ATTRIBUTE)
_TAG = re.compile(
    rf"<(?P<slash>/?)(?P<tag>[A-Za-z][^ \t\n\f\r/>]*+)(?P<rest>(?:[ \t\n\f\r/]*+{_UNNAMED})*+)[ \t\n\f\r/]*+>",
    re.VERBOSE,
)
_ONE = re.compile(_ATTRIBUTE, re.VERBOSE)
_COMMENT_END = re.compile(r"--!?>")

# what stands inside is text up to the end tag of just that name (sections 13.2.5.2 to 13.2.5.4)
_TEXT_ONLY = ("script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title")
_ENDS = {name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE) for name in _TEXT_ONLY}


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag. `values` are the spans of its first attributes of each name, as they are written; of end tags
    and of elements that nobody asked for there are none. Names are in lower case."""

    name: str
    start: int
    is_end: bool
    values: dict[str, tuple[int, int]]


def tags_of(html: str, wanted: Collection[str]) -> tuple[list[Tag], int]:
    """The tags outside of comments and scripts, with the values of the elements `wanted`, and how far the text is
    whole: a comment, tag or script after that has no end, and nothing put behind it would be seen."""
    found: list[Tag] = []
    at = 0
    while (at := html.find("<", at)) >= 0:
        following = html[at + 1 : at + 3]
        name = following.lstrip("/")[:1]
        if name.isascii() and name.isalpha():
            match = _TAG.match(html, at)
            if match is None:
                return found, at
            tag = _tag(html, match, wanted)
            found.append(tag)
            end = match.end()
            if not tag.is_end and (end := _end_of_text(html, tag.name, end)) < 0:
                return found, at
        elif following[:1] in ("!", "?", "/"):
            end = _end_of_comment(html, at)
            if end < 0:
                return found, at
        else:
            end = at + 1
        at = end
    return found, len(html)


def _tag(html: str, match: re.Match[str], wanted: Collection[str]) -> Tag:
    name = match["tag"].lower()
    values: dict[str, tuple[int, int]] = {}
    if not match["slash"] and name in wanted:
        # up to the tag's `>`, which an attribute without its value looks for
        for one in _ONE.finditer(html, match.start("rest"), match.end()):
            group = one.lastgroup if one.lastgroup != "name" else None
            values.setdefault(one["name"].lower(), one.span(group) if group else (one.end(), one.end()))
    return Tag(name, match.start(), bool(match["slash"]), values)


def _end_of_text(html: str, name: str, at: int) -> int:
    """Where the tags of an element that holds nothing but text go on; -1 where they do not."""
    if name == "plaintext":
        return -1
    if name not in _ENDS:
        return at
    end = _ENDS[name].search(html, at)
    return end.start() if end else -1


def _end_of_comment(html: str, at: int) -> int:
    """Behind a comment, a declaration or what is taken for one; -1 where it has no end."""
    if html.startswith("<!--", at):
        end = _COMMENT_END.search(html, at + 2)  # `<!-->` and `<!--->` are whole comments
        if end and end.start() == at + 2 and end[0] == "--!>":
            end = _COMMENT_END.search(html, at + 4)
        return end.end() if end else -1
    return html.find(">", at) + 1 or -1
