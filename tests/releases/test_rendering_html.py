"""The HTML part: every word, the right language, nothing from outside, readable by anyone."""

import re
from dataclasses import replace
from typing import get_args

import css_inline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from lxml import html as lxml_html
from lxml.html import HtmlElement

from mail.text import clean_body
from releases.content import Block, Content, Paragraph, Quotation, Run
from releases.inlining import inline_styles
from releases.templating import body_html, environment, templates_folder
from tests.support.browser import chromium
from tests.support.samples import ARABIC, CHINESE, NOTE, REMARKS, rendered, text

SAMPLES = [NOTE, REMARKS, ARABIC, CHINESE]
SHEETS = ("media", "dark", "outlook", "print")

TAGS = (
    "html head meta title style body table tr td th thead tbody div p h1 h2 h3 h4 ul ol li a b "
    "strong em bdi time blockquote br hr"
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></head><body onload=x>",
    "<!--[if mso]><b>",
    "--><i>",
    "{{ 7*7 }}{% raw %}",
    "{{ content.__class__ }}",
    "&lt;b&gt; &amp;amp; &#x3c;",
    "a\x00b\x1bc\x85d\ud800e\ufffe",
    "\u202eevil\u2066\u2067 x",
    "%(x)s %s {0} ${y}",
    "line\r\nBcc: victim@example.org\r\n\r\nbody",
]


def tree(content: Content, language: str = "en") -> HtmlElement:
    """The HTML part, parsed."""
    return lxml_html.document_fromstring(str(rendered(content, language=language).html).encode())


def words_of(printed: str) -> list[str]:
    """The words without regard to white space."""
    return clean_body(printed).split()


def everywhere(words: str) -> Content:
    """A release that says these words in each of its fields."""
    run = (Run(words, href="https://example.org/?q=" + words),)
    return replace(
        NOTE,
        title=words,
        subtitle=words,
        office=words,
        place=words,
        kind_label=words,
        contacts=(words,),
        footer=words,
        body=(
            Paragraph(run, speaker=words),
            *(replace_words(block, words) for block in NOTE.body),
        ),
    )


def replace_words(block: Block, words: str) -> Block:
    """The block with its words exchanged, whatever its type."""
    if isinstance(block, Paragraph):
        return Paragraph(text(words))
    if isinstance(block, Quotation):
        return Quotation((Paragraph(text(words)),))
    return block


@pytest.mark.parametrize("content", SAMPLES)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_word_is_there_in_its_order(content: Content, language: str) -> None:
    """The HTML says all that the release says, in the same order."""
    article = tree(content, language).xpath("//div[@class='body']")[0]
    said = "".join(article.itertext()).split()
    written = " ".join(content.plain_paragraphs())
    for furniture in ("•", "|", *(f"{n}." for n in range(9, 11))):
        written = written.replace(furniture, " ")
    assert said == written.split()


@pytest.mark.parametrize("content", SAMPLES)
def test_heads_and_feet_are_there(content: Content) -> None:
    """Title, office, place, contacts and the standing text are in the mail, whole."""
    page = " ".join(" ".join(tree(content).itertext()).split())
    title = tree(content).xpath("//h1")[0].text_content()
    assert title == content.title
    for part in (content.subtitle, content.office, content.place, content.footer):
        assert part is None or part in page
    for contact in content.contacts:
        assert "".join(contact.split()) in "".join(page.split())


def test_each_kind_of_block_has_markup() -> None:
    """No block is left out because nobody wrote a template for it."""
    shown = {type(block) for content in SAMPLES for block in content.body}
    assert shown == set(get_args(Block))
    for content in SAMPLES:
        for block in content.body:
            assert body_html(replace(content, body=(block,))).strip().startswith("<")


def test_the_page_on_the_web_has_the_same_body() -> None:
    """Mail and web say the same in the same elements; only the looks differ."""
    fragment = lxml_html.fragment_fromstring(str(body_html(NOTE)), create_parent="div")
    mail = tree(NOTE).xpath("//div[@class='body']")[0]
    assert [element.tag for element in fragment.iter()] == [element.tag for element in mail.iter()]
    assert fragment.text_content().split() == mail.text_content().split()


def test_headings_have_an_order() -> None:
    """One h1, the headline; no level is left out on the way down."""
    for content in SAMPLES:
        levels = [
            int(heading.tag[1])
            for heading in tree(content).xpath("//h1|//h2|//h3|//h4")
            if "contact" not in (heading.getparent().get("class") or "")
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1


def test_tables_that_only_lay_out_say_so() -> None:
    """A screen reader reads out the release's tables and none of the frame's."""
    page = tree(NOTE)
    tables = page.xpath("//table")
    data = [table for table in tables if table.get("role") != "presentation"]
    assert len(data) == 1
    assert [th.get("scope") for th in data[0].iter("th")] == ["col", "col", "col"]


@pytest.mark.parametrize("reader", ["en", "fr", "es", "ru", "ar", "zh"])
@pytest.mark.parametrize("content", SAMPLES)
def test_each_part_knows_its_language(content: Content, reader: str) -> None:
    """Our words carry the reader's language and direction, the office's text its own."""
    page = tree(content, reader)
    rtl = {"ar": "rtl"}
    assert page.get("lang") == reader
    assert page.get("dir") == rtl.get(reader, "ltr")
    main = page.xpath("//div[@role='main']")[0]
    assert main.get("lang") == content.language
    assert main.get("dir") == rtl.get(str(content.language), "ltr")
    web = page.xpath("//td[@class='screen']")[0]
    if reader == content.language:
        assert web.get("lang") is None
    else:
        assert (web.get("lang"), web.get("dir")) == (reader, rtl.get(reader, "ltr"))
    colophon = page.xpath("//td[@class='colophon']")[0]
    assert colophon.get("dir") == rtl.get(reader, "ltr")


def test_a_paragraph_in_another_language_says_so() -> None:
    """A French sentence in English remarks is pronounced as French."""
    part = tree(REMARKS).xpath("//p[@lang='fr']")[0]
    assert part.get("dir") == "ltr"
    arabic = tree(ARABIC).xpath("//p[@lang='en']")[0]
    assert arabic.get("dir") == "ltr"


def test_a_release_of_unknown_language_does_not_borrow_the_readers() -> None:
    """Without a language the text is marked unknown, and runs as its headline does."""
    main = tree(replace(ARABIC, language=None), "fr").xpath("//div[@role='main']")[0]
    assert (main.get("lang"), main.get("dir")) == ("", "rtl")


def test_nothing_is_loaded_from_anywhere() -> None:
    """No image, font, script or style sheet from outside: opening the mail tells nobody."""
    for content in SAMPLES:
        printed = str(rendered(content).html)
        assert not re.search(
            r"<(img|link|script|iframe|object|video)\b|src=|url\(|@import", printed
        )


def test_the_styles_are_inlined_and_the_rest_is_kept() -> None:
    """Every media query arrives as it was written, each sheet in a style block of its own."""
    printed = str(rendered().html)
    blocks = re.findall(r"<style>(.*?)</style>", printed, re.DOTALL)
    sheets = [(templates_folder() / "email" / f"release.{name}.css").read_text() for name in SHEETS]
    assert [block.strip() for block in blocks] == [sheet.strip() for sheet in sheets]
    assert "!important" in blocks[1]
    assert 'style="margin:0 0 16px"' in printed
    assert "data-premailer" not in printed
    # Gmail drops style blocks beyond 8,192 characters altogether.
    assert sum(map(len, blocks)) < 8192


@pytest.mark.parametrize("content", SAMPLES)
def test_another_inliner_agrees(content: Content) -> None:
    """css-inline finds the same declarations for every element."""
    sheet = (templates_folder() / "email" / "release.css").read_text()
    body = str(body_html(content))
    page = (
        "<!DOCTYPE html>\n<html><head><meta charset='utf-8'><title>x</title><style>"
        f"{sheet}</style></head><body><div class='sheet'><h1>x</h1><div class='body'>{body}"
        "</div><div class='contact'><h2>x</h2><p><a href='#'>x</a></p></div></div></body></html>"
    )
    ours = lxml_html.document_fromstring(inline_styles(page).encode())
    other = lxml_html.document_fromstring(
        css_inline.CSSInliner(load_remote_stylesheets=False).inline(page).encode()
    )
    compared = 0
    for left, right in zip(ours.iter("*"), other.iter("*"), strict=True):
        assert left.tag == right.tag
        assert declarations(left) == declarations(right)
        compared += bool(left.get("style"))
    assert compared > 10


def declarations(element: HtmlElement) -> dict[str, str]:
    """The style attribute by property, in one notation."""
    style = (element.get("style") or "").replace('"', "'").lower()
    style = re.sub(r"#([0-9a-f])\1([0-9a-f])\2([0-9a-f])\3\b", r"#\1\2\3", style)
    style = re.sub(r"\s*([,:;])\s*", r"\1", style).replace("0.04em", ".04em")
    return dict(part.split(":", 1) for part in style.strip("; ").split(";") if ":" in part)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_words(words: str) -> None:
    """Markup, template syntax and control characters in a release stay text."""
    page = tree(everywhere(words))
    assert {element.tag for element in page.iter() if isinstance(element.tag, str)} <= set(
        TAGS.split()
    )
    assert not [name for element in page.iter("*") for name in element.attrib if name[:2] == "on"]
    shown = page.xpath("//h1")[0].text_content()
    assert shown.split() == words_of(words)
    for link in page.iter("a"):
        assert re.match(r"(https?://|mailto:|tel:)[!-~]+$", str(link.get("href")))


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=80))
def test_any_words_arrive_as_they_are(words: str) -> None:
    """Whatever the office writes, the reader sees that, and the page's structure is the same."""
    fragment = body_html(replace(NOTE, body=(Paragraph(text(words)),)))
    page = lxml_html.fragment_fromstring(str(fragment), create_parent="div")
    assert [element.tag for element in page.iter()] == ["div", "p"]
    # XML's and HTML's parsers have no U+FFFE and U+FFFF; every other character arrives.
    assert page.text_content().split() == words_of(words)


def test_templates_know_no_undefined_names() -> None:
    """A name that a template misspells is an error, not an empty place in a mail."""
    with pytest.raises(UndefinedError):
        environment().from_string("{{ content.titel }}").render(content=NOTE)


CONTRAST = """() => {
  const channel = c => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 };
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parse(c).map(channel);
                       return .2126 * r + .7152 * g + .0722 * b };
  const ground = e => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor; const p = parse(c);
      if (p.length < 4 || p[3] > 0) return c; } return 'rgb(255, 255, 255)' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node; node = walker.nextNode();) {
    if (!node.textContent.trim()) continue;
    const e = node.parentElement, a = light(getComputedStyle(e).color), b = light(ground(e));
    found.push([node.textContent.trim().slice(0, 40),
                (Math.max(a, b) + .05) / (Math.min(a, b) + .05),
                parseFloat(getComputedStyle(e).fontSize)]);
  }
  return {found, overflow: document.documentElement.scrollWidth - innerWidth};
}"""


@pytest.mark.browser
def test_it_reads_well_in_a_browser() -> None:
    """Every word has a contrast of 6 to 1 and 13 px or more, by day and by night, and nothing
    runs out of a phone's screen; no request leaves the browser."""
    embargoed = replace(NOTE, title=NOTE.title + " Donaudampfschifffahrtsgesellschaft" * 3)
    requests: list[str] = []
    with chromium() as browser:
        for content, language in ((embargoed, "en"), (ARABIC, "ar"), (REMARKS, "fr")):
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": 360, "height": 640},
                    color_scheme=scheme,
                )
                page.on("request", lambda request: requests.append(request.url))
                page.set_content(str(rendered(content, language=language).html))
                seen = page.evaluate(CONTRAST)
                assert seen["overflow"] <= 0
                assert len(seen["found"]) > 10
                assert [row for row in seen["found"] if row[1] < 6 or row[2] < 13] == []
                page.close()
    assert requests == []


def test_a_very_long_text_arrives_whole() -> None:
    """Past the ten megabytes where an HTML parser may stop, nothing is missing."""
    page = f"<!DOCTYPE html>\n<html><body><p>{'word ' * 2_200_000}</p><p>end</p></body></html>"
    inlined = inline_styles(page)
    assert inlined.count("word ") == 2_200_000
    assert inlined.endswith("<p>end</p></body></html>")
