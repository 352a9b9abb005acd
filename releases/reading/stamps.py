"""What paper and web pages print around a text: stamps, running heads, navigation."""

import re
from collections import Counter

from releases.reading.furniture import is_list_furniture, is_page_mark
from releases.reading.lines import Line, fold
from releases.reading.spans import Label, Span

_STAMP = re.compile(
    r"^(?:(?:unclassified|declassified|sensitive but unclassified|classified by.{0,40})[ ,:/-]*)?"
    r"(?:[\w. ]{3,50} )?case no\.? ?[a-z]{0,3}-?\d{2,4}-.*$"
    r"|^review authority: .{3,60}$|^(?:waiver|document) .{0,20}review(?:ed)? .{0,40}\d{4}$"
    r"|^release in$|^part b\d.{0,20}$|^full$|^release(?:d)? in (?:full"
    r"|part)\b(?:[ ,;/&]*[bf]?\d?\(?[a-z0-9,;. &()]{0,40}\)?)?$"
    r"|^(?:unclassified|declassified|sensitive but unclassified|sbu|non-?responsive)$"
    r"|^doc(?:ument)? no\.? ?[a-z]?\d{5,}.*$|^(?:approved )?for release:? \d{4}/\d\d/\d\d.*$"
    r"|^b ?[1-7](?:\([a-z]\))?$|^.{0,30}\b(?:foia|f-\d{4}-\d{4,6})\b.{0,80}\bdate: \S+$"
)
_SIGNS = ("\f", "CLASSIFIED", "RELEASE IN", "RELEASED IN", "Case No", "FOIA", "Doc No")
"""One of these stands in a text that has any stamp or page."""
_NAVIGATION = re.compile(
    r"^(?:skip (?:to|main|navigation)\b.{0,30}|jump to (?:content|navigation).{0,20}|menu"
    r"|search(?: \w+)?"
    r"|home|share(?: this)?(?: (?:page|article|release|story|on|via|with)\b.{0,40})?|share:.{0,40}"
    r"|print(?: this)?(?: (?:page|article|release|version|friendly))?(?: version)?"
    r"|printer[- ]friendly(?: (?:version|page|format))?|print-only banner|text[- ]only(?: version)?"
    r"|e-?mail(?: this)? (?:page|article|release|story|link)(?: to a friend)?"
    r"|send to a friend|e-?mail (?:a|to a) friend|tweet|facebook|twitter|linkedin|whatsapp"
    r"|copy link|read more|listen|back to (?:index|top|list|news|press|all|the)\b.{0,40}"
    r"|(?:previous|next) (?:page|post|release|article|story).{0,120}|return to (?:top|index|the)"
    r"\b.{0,40}"
    r"|top of page|close(?: window)?|(?:a|text) size.{0,20}|\[external links?\]|external links?"
    r"|rss(?: feed)?(?: for .{0,40})?|subscribe(?: to .{0,60})?"
    r"|\[?this is a mobile copy.{0,200}\]?|sign up.{0,60}|related (?:links|news|articles"
    r"|stories|content|posts|topics|documents|information):?"
    r"|(?:page )?(?:last )?(?:modified|reviewed|revised)(?: on)?\s?:.{4,40}"
    r"|[»›] ?\S.{3,100}|(?:view|watch|see) (?:the )?(?:video|photos?|slide ?show|gallery|webcast)"
    r"|\[?end of document\]?|in focus(?:: .{3,60})?|white house radio|article|\d{1,2} min read"
    r"|\[?(?:date|thread) (?:prev|next|index)\]?.*|(?:www\.)?whitehouse\.gov|(?:video|audio"
    r"|photos?|fotos?)(?: \(\w+\))?"
    r"|(?:released|created|published|posted) .{6,30},? (?:last )?(?:updated|modified) .{4,40}"
    r"|editor: .{3,40}|nasa official: .{3,40}|page (?:editor|manager|owner): .{3,40}"
    r"|briefing room|(?:tags?|topics?|filed under|categories|category|keywords):.{0,120}|tags"
    r"|topics|filed under"
    r"|inicio|compartir|imprimir|enviar por correo|partager|imprimer|drucken|teilen"
    r"|seite drucken|zum inhalt springen|startseite|zuruck(?: zur ubersicht)?|stampa|condividi"
    r"|печать|поделиться|версия для печати|طباعة|مشاركة|打印|分享|【打印】|字号.{0,12}"
    r"|this is historical material.{0,300}|archived content.{0,200}"
    r"|an official website of the united states government.{0,80}|here'?s how you know"
    r"|javascript .{0,80}|accept(?: all)? cookies.{0,60}|cookies?(?: settings| policy)?)$"
)
_CRUMBS = re.compile(
    r"^(?:you are here:? ?)?(?:home|startseite|inicio|accueil|главная)\s?(?:>|»|›|/|\||::).{0,200}$"
    r"|^[\w&'., -]{2,40}(?: (?:>|»|›) [\w&'., -]{2,60}){1,6}$"
)
_SITE_LINKS = re.compile(
    r"\b(?:privacy policy|privacy|accessibility|copyright|foia|usa\.gov|site ?map|contact us"
    r"|terms)\b"
)
_LONGEST = 320


def is_stamp(words: str) -> bool:
    """What is stamped on a page that an office gave out later ("RELEASE IN FULL")."""
    return len(words) <= 200 and _STAMP.match(fold(words)) is not None


def is_navigation(words: str) -> bool:
    """What a web page has around its text: breadcrumbs, Share, Print, Back to top."""
    if len(words) > _LONGEST:
        return False
    folded = fold(words).strip(" *|•·+-–—[]")
    return (
        _NAVIGATION.match(folded) is not None
        or is_breadcrumb(words)
        or (folded.count("|") >= 2 and _SITE_LINKS.search(folded) is not None)
    )


def is_breadcrumb(words: str) -> bool:
    """Home > News > 2006: the way to a web page."""
    return len(words) <= 200 and _CRUMBS.match(fold(words).strip(" *|•·+-–—[]")) is not None


def is_furniture(words: str) -> bool:
    """Whether a mailing list or a web page added it."""
    return is_list_furniture(words) or is_navigation(words)


def without_stamps(text: str, lines: list[Line]) -> tuple[list[Line], list[Span]]:
    """The lines without stamps and without the heads and feet that pages repeat."""
    if not any(sign in text for sign in _SIGNS):
        return lines, []
    repeated = _running(lines) if any(line.after_page for line in lines) else frozenset()
    kept: list[Line] = []
    marks: list[Span] = []
    after_page = after_blank = False
    last = len(lines) - 1
    for index, line in enumerate(lines):
        is_at_edge = (
            line.after_page
            or (index < last and lines[index + 1].after_page)
            or (after_page and index > 0 and lines[index - 1].after_page)
        )
        is_mark = is_at_edge and (_alike(line.words) in repeated or _is_page_number(line.words))
        is_stamped = is_stamp(line.words) or (after_page and _goes_on(lines, index))
        if is_stamped or (is_mark and kept):
            marks.append(Span(line.start, line.end, Label.PAGE_MARK))
            after_page, after_blank = True, after_blank or line.after_blank
            continue
        if after_page:
            line.after_page = bool(kept)
            line.after_blank = line.after_blank or after_blank
        after_page = after_blank = False
        kept.append(line)
    return kept, marks


def _goes_on(lines: list[Line], index: int) -> bool:
    """Whether a line belongs to the stamp above it: whose case it is, and when it was stamped."""
    words = fold(lines[index].words[:80])
    if lines[index].after_blank:
        return False
    following = lines[index + 1].words if index + 1 < len(lines) else ""
    return re.match(r"date: ?\d", words) is not None or following.startswith("Case No")


def _running(lines: list[Line]) -> frozenset[str]:
    """Lines that stand at the edges of several pages, numbers aside."""
    counts: Counter[str] = Counter()
    for index, line in enumerate(lines):
        if line.after_page:
            edges = lines[max(index - 2, 0) : index + 2]
            counts.update({_alike(edge.words) for edge in edges if len(edge.words) <= 120})
    return frozenset(words for words, count in counts.items() if count >= 2 and words)


def _alike(words: str) -> str:
    return re.sub(r"\d+", "0", fold(words[:150]))


def _is_page_number(words: str) -> bool:
    return len(words) <= 30 and (words.isdigit() or is_page_mark(words))
