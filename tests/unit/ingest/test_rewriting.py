"""Marks change the values of links and nothing else: against Python's own parser, and in time linear in the length."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.tracking.rewriting import PIXEL, Marks, Tracked, with_marks
from services.ingest.tracking.targets import LONGEST_TARGET, target_of
from shared.links import MOST_LINKS, mark, personalised

BOTH, CLICKS, OPENS = Tracked(opens=True, clicks=True), Tracked(clicks=True), Tracked(opens=True)

LINKS = [
    ('<a href="', "https://a.test/x?y=1&amp;z=2", '">A</a>'),
    ("<A CLASS=big HREF='", 'http://b.test/"quoted"', "' id=1>B</A>"),
    ("<a\nhref = ", "https://c.test/d/", " \ttitle='a > b'>C</a>"),
    ('<area shape=rect href="', "https://d.test/", '" alt="" />'),
    ('<a href="', "HTTPS://e.test/ü", '">E</a>'),
]
"""Each as what stands before its value, the value, and what stands behind."""
OTHERS = [
    '<a href="mailto:ann@a.test">m</a>', '<a href="tel:+491">t</a>', '<a href="#top">top</a>', '<a name="top"></a>',
    '<a href="{{link}}">l</a>', '<a href="https://a.test/{{name}}">n</a>', '<a href="/relative">r</a>', "<a href>h</a>",
    '<a data-posthorn-track="off" href="https://x.test">o</a>', '<a href="https://x.test" data-posthorn-track=OFF>',
    '<!-- <a href="https://x.test"> -->', '<!--[if mso]><v:rect href="https://x.test"><![endif]-->', "<!DOCTYPE html>",
    '<style>a:after{content:"<a href=https://x.test>"}</style>', '<script>"<a href=\'https://x.test\'>"</script>',
    '<link href="https://x.test/a.css">', '<img src="https://x.test/a.png">', '<abbr href="https://x.test">ab</abbr>',
    "<p title=\"<a href='https://x.test'>\">", "</p>", "<br/>", "1 < 2 && 3 > 2", "&amp; ü ", "\r\n", "</a>",
]  # fmt: skip
PIECES = st.lists(st.sampled_from([*LINKS, *(("", "", other) for other in OTHERS)]), max_size=25)


def marked(html: str, tracked: Tracked = CLICKS) -> tuple[str, Marks]:
    marks = Marks.for_texts(html)
    return with_marks(html, marks, tracked), marks


def targets(html: str) -> list[str]:
    return [link["url"] for link in marked(html)[1].links if link["kind"] == "click"]


class Structure(HTMLParser):
    """Every token with its place in the order, links' values apart."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.seen: list[tuple[object, ...]] = []
        self.values: list[str | None] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        shown = []
        for name, value in attrs:
            if tag in ("a", "area") and name == "href":
                self.values.append(value)
                value = "…"
            shown.append((name, value))
        self.seen.append(("start", tag, *shown))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(("end", tag))

    def handle_data(self, data: str) -> None:
        self.seen.append(("data", data))

    def handle_comment(self, data: str) -> None:
        self.seen.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.seen.append(("declaration", decl))

    def handle_entityref(self, name: str) -> None:
        self.seen.append(("entity", name))


@given(PIECES)
def test_not_a_byte_changes_but_the_values(pieces: list[tuple[str, str, str]]) -> None:
    result, marks = marked("".join(map("".join, pieces)))
    places = {link["url"]: mark(marks.nonce, place) for place, link in enumerate(marks.links)}
    expected = (before + (places[target_of(value) or ""] if value else "") + after for before, value, after in pieces)
    assert result == "".join(expected)


@given(PIECES)
def test_a_parser_sees_the_same_structure_with_other_links(pieces: list[tuple[str, str, str]]) -> None:
    html = "".join(map("".join, pieces))
    result, marks = marked(html)
    before, after = Structure(html), Structure(result)
    assert after.seen == before.seen
    found = 0
    for was, now in zip(before.values, after.values, strict=True):
        if was != now:
            found += 1
            assert now is not None
            assert personalised(now, marks.nonce, marks.links, lambda link: link["url"]) == target_of(escape(was or ""))
    assert found == sum(bool(value) for _, value, _ in pieces)


@given(st.text(st.sampled_from("<a href=\"'>/!-{} \nbody&;ü") | st.characters(), max_size=200))
@example("<a href='https://a.test' <a href=\"https://b.test\">")
@example("<!--><a href=https://a.test>x</a><!---><a href=https://b.test>")
@example("<a href=https://a.test<b>")
def test_whatever_the_text_is_the_rest_of_it_stands_as_it_stood(html: str) -> None:
    result, marks = marked(html, BOTH)
    pixel = mark(marks.nonce, len(marks.links) - 1)
    assert result.count(PIXEL.format(mark=pixel)) == 1
    at = 0
    for literal in re.split(rf"{marks.nonce}:\d{{4}}", result.replace(PIXEL.format(mark=pixel), pixel)):
        at = html.index(literal, at) + len(literal)
    assert html.endswith(literal)


@pytest.mark.parametrize(
    ("html", "found"),
    [
        # browsers' ends of comments (HTML Living Standard, section 13.2.5.43 and after)
        ("<!--><a href=https://a.test>", ["https://a.test"]),
        ("<!---><a href=https://a.test>", ["https://a.test"]),
        ("<!--x--!><a href=https://a.test>", ["https://a.test"]),
        ("<!--!><a href=https://a.test>-->", []),
        ("<!-- > <a href=https://a.test>", []),
        ("<![if !mso]><a href=https://a.test><![endif]>", ["https://a.test"]),
        ("</ a><?xml <a href=https://b.test?><a href=https://a.test>", ["https://a.test"]),
        # of scripts and the like
        ("<script></scripty><a href=https://b.test></SCRIPT ><a href=https://a.test>", ["https://a.test"]),
        ("<textarea><a href=https://b.test></textarea>", []),
        ("<title><a href=https://b.test></title><a href=https://a.test>", ["https://a.test"]),
        ("<plaintext><a href=https://b.test>", []),
        # of attributes
        ("<a href=https://a.test href=https://b.test>", ["https://a.test"]),
        ("<a title=\"x\"href='https://a.test'>", ["https://a.test"]),
        ("<a title=a\"b href=https://a.test>", ["https://a.test"]),
        ("<a =href href=https://a.test>", ["https://a.test"]),
        ("<a/href=https://a.test/>", ["https://a.test/"]),
        ("<a href= >https://b.test</a>", []),
        ("<a href=\"https://b.test>x</a><a href=https://b.test>", []),
        # what an attribute's text means
        ('<a href=" https://a.test/ &#x41;&#66;&amp;c\n ">', ["https://a.test/%20AB&c"]),
        ('<a href="https://a.test/?a=1&copy=2&section=3&lt;&reg;">', ["https://a.test/?a=1&copy=2&section=3%3C%C2%AE"]),
        ('<a href="https://münchen.test:8080/ö?ß#ü">', ["https://xn--mnchen-3ya.test:8080/%C3%B6?%C3%9F#%C3%BC"]),
        ('<a href="https://u:p@a.test/%20%zz">', ["https://u:p@a.test/%20%zz"]),
        ('<a href="https:///x"><a href="https://"><a href="https://[x/">', []),
        ('<a href="https://a.test/a\n\tb c">', ["https://a.test/ab%20c"]),
        (f'<a href="https://a.test/{"x" * LONGEST_TARGET}">', []),
        (f'<a href="https://a.test/{"ü" * (LONGEST_TARGET // 4)}">', []),
        ('<a href="https://a.test/*|NAME|*"><a href="https://a.test/{% if %}">', []),
    ],
)  # fmt: skip
def test_as_browsers_read_it(html: str, found: list[str]) -> None:
    assert targets(html) == found


def test_a_link_is_kept_once() -> None:
    result, marks = marked(
        '<a href="https://a.test/">1</a><a href="https://b.test/">2</a><a href="https://a.test/">3</a>'
    )
    assert [link["url"] for link in marks.links] == ["https://a.test/", "https://b.test/"]
    assert re.findall(rf"{marks.nonce}:(\d+)", result) == ["0000", "0001", "0000"]


def test_no_more_links_than_may_be() -> None:
    html = "".join(f"<a href=https://a.test/{number}>" for number in range(MOST_LINKS + 5))
    result, marks = marked(html, BOTH)
    assert len(marks.links) == MOST_LINKS
    assert result.endswith("<a href=https://a.test/10004>")


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("<body>x", "</body><!-- </body> --></html>"),
        ("<BODY>a</BODY>b", "</Body ></html>"),
        ("<p>x", "</html>"),
        ("<p>x", ""),
        ("<p>x", "</body><script>'</body>'</script>"),
        ("<p>x", "<!-- no end"),
        ("<p>x", "<script>no end"),
        ("<p>x", "<a href='no end"),
        ("", ""),
    ],
)
def test_the_pixel_stands_where_it_is_seen(before: str, behind: str) -> None:
    result, marks = marked(before + behind, OPENS)
    assert result == before + PIXEL.format(mark=mark(marks.nonce, 0)) + behind
    assert [link["kind"] for link in marks.links] == ["open"]


def test_what_nobody_asked_for_is_not_done() -> None:
    html = "".join(LINKS[0])
    result, marks = marked(html, Tracked())
    assert (result, marks.links) == (html, [])
    assert [link["kind"] for link in marked(html, CLICKS)[1].links] == ["click"]
    assert [link["kind"] for link in marked(html, OPENS)[1].links] == ["open"]


def test_the_urls_of_templates_are_marks_that_stay() -> None:
    marks = Marks.for_texts("")
    variables = marks.variables()
    html = f'<a href="{variables["unsubscribeUrl"]}">u</a><a href="https://a.test/?back={variables["manageUrl"]}">m</a>'
    assert with_marks(html, marks, CLICKS) == html
    assert [link["kind"] for link in marks.links] == ["unsubscribe", "manage"]
    assert set(variables) == {"unsubscribeUrl", "subscribeUrl", "manageUrl"}


def test_a_nonce_stands_in_none_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0xA, 0xB, 0xC])
    monkeypatch.setattr("services.ingest.tracking.rewriting.getrandbits", lambda _: next(drawn))
    assert Marks.for_texts(f"x{0xA:016x}", f"{0xB:016x}").nonce == f"{0xC:016x}"


@pytest.mark.parametrize(
    ("header", "tracked"),
    [("all", BOTH), (" Opens ", OPENS), ("clicks", CLICKS), ("NONE", Tracked()), ("yes", BOTH), ("", BOTH)],
)
def test_what_a_header_asks_for(header: str, tracked: Tracked) -> None:
    assert Tracked.of_header(header) == tracked


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "repeated",
    ["<", "<a ", "<a href='", "<!--", "<!--!>", "<script>", "</script ", "<a b = ", "<a x/", "<a\t", "<a href=&", "{{",
     "<a href=https://a.test/>", "</body>", "<a href='https://a.test/' "],
)  # fmt: skip
def test_time_grows_with_the_length_alone(repeated: str) -> None:
    """What looked back once for each of its parts would take hours."""
    marked(repeated * (400_000 // len(repeated)), BOTH)


@pytest.mark.timeout(30)
def test_a_value_takes_no_longer() -> None:
    for repeated in ("ü", "ü.", "&amp", "&", "%", "@", ":", "["):
        assert target_of(f"https://{repeated * 200_000}") is None
