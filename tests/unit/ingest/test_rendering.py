"""The variable language: what it renders, what it leaves alone, and that it costs no more than it is long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.templates.rendering import (
    BrokenLineError,
    missing_names,
    render_html,
    render_line,
    render_text,
)
from shared.placeholders import SplitCache, split
from shared.rendering import RenderedTooLargeError

DATA: dict[str, Any] = {
    "name": "Ann", "nothing": None, "empty": "", "yes": True, "no": False, "count": 3, "price": 1.5, "whole": 2.0,
    "large": 10**30, "endless": float("inf"), "tricky": "<b>&\"'", "again": "{{name}}", "first name": "Ann Lee",
    "address": {"city": "Bern", "zip": {"code": 3000}, "none": None}, "a.b": "whole", "a": {"b": "nested", "c": "only"},
    "items": ["pen", 2, None, {"x": 1}, "<i>"], "list": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("Hello {{name}}!", "Hello Ann!"),
        ("{{name}}{{name}}", "AnnAnn"),
        ("{{ name }}{{\tname\n}}", "AnnAnn"),
        ("[{{missing}}][{{nothing}}][{{empty}}]", "[][][]"),
        ("{{missing ?? 'you'}} {{missing??\"you\"}} {{missing ?? you all}} {{missing ?? 0}}", "you you you all 0"),
        ("{{name ?? 'you'}}[{{empty ?? 'you'}}]{{nothing ?? 'you'}}", "Ann[]you"),
        (
            "{{missing ?? 'it\"s'}} {{missing ?? \"it's\"}} {{missing ?? ''}} {{missing ?? 'a ?? b'}}",
            "it\"s it's  a ?? b",
        ),
        ("{{missing ?? 'a}b{c'}}", "a}b{c"),
        ("{{yes}} {{no}} {{count}} {{price}} {{whole}} {{large}}[{{endless}}]", f"true false 3 1.5 2.0 {10**30}[]"),
        ("{{address.city}} {{address.zip.code}}", "Bern 3000"),
        ("[{{address}}][{{address.zip}}][{{address.none}}][{{address.city.x}}][{{name.upper}}]", "[][][][][]"),
        ("{{a.b}} {{a.c}}", "whole only"),
        ("{{first name}}", "Ann Lee"),
        ("{{again}}", "{{name}}"),
        ("{{items}}[{{list}}]", "pen, 2, , , <i>[]"),
        ("{{{name}}}", "{Ann}"),
        ("{{ {{name}} }}", "{{ Ann }}"),
    ],
)
def test_text_is_rendered_as_it_is(source: str, rendered: str) -> None:
    assert render_text(source, DATA) == rendered


@pytest.mark.parametrize(
    "source",
    [
        "{{}}", "{{ }}", "{name}", "{{name}", "{name}}", "{{name", "name}}", "}}name{{", "{ {name} }", "{{.name}}",
        "{{name.}}", "{{a..b}}", "{{a. b}}", "{{first  name}}", "{{#if name}}", "{{/if}}", "{{> name}}", "{{!name}}",
        "{{name | upper}}", "{{name()}}", "{{name[0]}}", "{{name + 1}}", "{{- name -}}", "{{name ?? }}", "{{?? 'x'}}",
        "{{name ? 'x'}}", "{{name ?? 'x}}", "{{name ?? x'}}", "{{name ?? 'x\"}}", "{{name ?? 'x' 'y'}}",
        "{{name ?? '}}",
        "{{name ?? a ?? b}}", "{{'name'}}", "{% name %}", "{{name ?? &quot;x&quot;}}", "{{na{me}}", "{{na}me}}",
        "{{" + "n" * 2000 + "}}", "",
    ],
)  # fmt: skip
def test_what_is_no_placeholder_stays_as_it_is(source: str) -> None:
    for render in (render_text, render_html):
        assert render(source, DATA) == source
    assert missing_names(source, {}) == []


def test_html_escapes_values_and_fallbacks_and_nothing_else() -> None:
    source = "<p title=\"{{tricky}}\">{{tricky}} & {{missing ?? '<br>'}} {{count}}</p>"
    escaped = "&lt;b&gt;&amp;&quot;&#x27;"
    assert render_html(source, DATA) == f'<p title="{escaped}">{escaped} & &lt;br&gt; 3</p>'
    assert render_html("<ul>{{items}}</ul>{{list}}", DATA) == (
        "<ul><li>pen</li>\n<li>2</li>\n<li></li>\n<li></li>\n<li>&lt;i&gt;</li></ul>"
    )


def test_a_line_has_no_line_break_or_control_character() -> None:
    assert render_line(" Hi {{name}}: {{tricky}} ", DATA) == "Hi Ann: <b>&\"'"
    for character in ("\r", "\n", "\x00", "\x7f", "\x85", "\u2028"):
        with pytest.raises(BrokenLineError):
            render_line("Hi {{name}}", {"name": f"Ann{character}Bcc: all@example.test"})
        with pytest.raises(BrokenLineError):
            render_line("Hi {{missing ?? 'a" + character + "b'}}", {})
    with pytest.raises(RenderedTooLargeError):
        render_line("{{name}}", {"name": "x" * 999})


def test_missing_names_are_those_without_value_and_fallback() -> None:
    source = "{{b}} {{a.x}} {{b}} {{nothing}} {{missing ?? 'x'}} {{name}} {{address.city}} {{address.street}}"
    assert missing_names(source, DATA) == ["b", "a.x", "nothing", "address.street"]


def test_the_output_is_bounded_before_it_is_made() -> None:
    with pytest.raises(RenderedTooLargeError) as refused:
        render_text("{{x}}" * 50_000, {"x": "y" * 200_000}, most=1_000_000)
    assert refused.value.most == 1_000_000
    assert len(render_text("{{x}}" * 5, {"x": "y" * 200_000}, most=1_000_000)) == 1_000_000

    items = CountedItems([None] * 1_000_000)
    with pytest.raises(RenderedTooLargeError):
        render_html("{{x}}", {"x": items}, most=100)
    assert items.taken < 20


class CountedItems(list[Any]):
    """A list that counts how many of its items are read."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.taken += 1
            yield item


class CountedText(str):
    """A text that counts the characters which are looked at: by searches, and by being copied."""

    work = 0

    def find(self, sub: str, start: Any = 0, end: Any = None) -> int:
        end = len(self) if end is None else end
        found = super().find(sub, start, end)
        self.work += (end if found < 0 else found) - start + len(sub)
        return found

    def rfind(self, sub: str, start: Any = 0, end: Any = None) -> int:
        end = len(self) if end is None else end
        found = super().rfind(sub, start, end)
        self.work += end - (start if found < 0 else found) + len(sub)
        return found

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        taken = super().__getitem__(key)
        self.work += len(taken)
        return taken


@pytest.mark.parametrize(
    "piece",
    [
        "{{",
        "}}",
        "{",
        "}",
        "{{a",
        "a}}",
        "{{a}}",
        "{{{{a",
        "{{ a ?? '",
        "{{ a ?? 'b'}}",
        "}}{{",
        "{ {",
        "a.",
        " ",
        "{{a b",
    ],
)
@pytest.mark.parametrize("around", [("", ""), ("{{", ""), ("", "}}"), ("{{", "}}"), ("{{a ?? '", "'}}")])
def test_splitting_costs_a_bounded_number_of_looks_at_each_character(piece: str, around: tuple[str, str]) -> None:
    """The parse of one placeholder is bounded by its length, which is, and its slice is counted here."""
    for count in (10, 1_000, 30_000):
        source = CountedText(around[0] + piece * count + around[1])
        pieces = split(source)
        assert source.work <= 5 * len(source) + 10
        assert len(pieces) <= 2 * count + 1


def test_sources_are_split_once_and_few_are_kept() -> None:
    cache = SplitCache(most=100)
    first = cache.split("{{a}}")
    assert cache.split("{{a}}") is first
    for number in range(50):
        cache.split(f"{{{{name{number}}}}}")
    assert len(cache) <= 100 // len("{{name1}}")
    assert cache.split("{{a}}") is not first
    cache.split("x" * 101)
    assert len(cache) > 1


names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
datas = st.dictionaries(names, scalars | st.dictionaries(names, scalars, max_size=3), max_size=6)
literals = st.text(st.characters(codec="utf-8", exclude_characters="{}"), max_size=10)
quoted = st.text(st.characters(codec="utf-8", exclude_characters="'{}"), max_size=6)
placeholders = st.tuples(st.lists(names, min_size=1, max_size=3), st.none() | quoted)


def written(path: list[str], fallback: str | None) -> str:
    return "{{" + ".".join(path) + ("" if fallback is None else f" ?? '{fallback}'") + "}}"


def expected(path: list[str], fallback: str | None, data: Any) -> str:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    if data is None:
        return fallback or ""
    if isinstance(data, dict):
        return ""
    return data if isinstance(data, str) else json.dumps(data)


@given(st.lists(literals | placeholders, max_size=8), datas)
def test_text_equals_what_a_plain_reading_gives(parts: list[Any], data: dict[str, Any]) -> None:
    source = "".join(part if isinstance(part, str) else written(*part) for part in parts)
    plain = "".join(part if isinstance(part, str) else expected(*part, data) for part in parts)
    assert render_text(source, data) == plain


class Tags(HTMLParser):
    """What a browser would make of it: every tag with its attributes' names, comments, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[Any] = []
        self.text = ""
        self.values: list[str | None] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, [name for name, _ in attrs]))
        self.values += [value for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.seen.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.seen.append("declaration")

    def handle_data(self, data: str) -> None:
        self.text += data


hostile = st.text(st.sampled_from("<>&\"'/=!-a {}\n;") | st.characters(codec="utf-8"), max_size=30)
readable = hostile.filter(lambda text: not set(text) & {"\r", "\x00"})


@given(readable, readable, readable)
def test_no_value_makes_a_tag_or_an_attribute(title: str, body: str, item: str) -> None:
    source = "<div title=\"{{t}}\"><a href='{{t}}'>{{b}}</a><br>{{l}}</div>"
    data = {"t": title, "b": body, "l": [item, item]}
    seen = Tags(render_html(source, data))
    li = [("li", []), "/li"]
    assert seen.seen == [("div", ["title"]), ("a", ["href"]), "/a", ("br", []), *li, *li, "/div"]
    assert seen.values == [title, title]
    assert seen.text == f"{body}{item}\n{item}"


@given(hostile, datas)
def test_any_source_renders(source: str, data: dict[str, Any]) -> None:
    for render in (render_text, render_html):
        assert isinstance(render(source, data), str)
    assert set(missing_names(source, data)).isdisjoint(name for name, value in data.items() if value is not None)
