"""What a page says after a change: one sentence for each thing that became different."""

from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from runtime.i18n import Words, words
from subscribers.changes import Change
from subscribers.models import Format
from subscribers.queries import titles


def told(session: Session, change: Change, ours: Words) -> Markup:
    """The sentences, as HTML; list titles are isolated, for they may be in any script."""
    _ = ours.gettext
    sentences: list[Markup] = []
    if change.joined:
        names = named(titles(session, change.joined), ours)
        sentences.append(escape(_("You now get %(lists)s.")) % {"lists": names})
    if change.left:
        names = named(titles(session, change.left), ours)
        sentences.append(escape(_("You no longer get %(lists)s.")) % {"lists": names})
    if change.language:
        language = words(change.language).own_name()
        name = Markup('<bdi lang="{}">{}</bdi>').format(change.language, language)
        sentences.append(escape(_("Your language is now %(language)s.")) % {"language": name})
    match change.format:
        case Format.TEXT:
            sentences.append(escape(_("Your mails now come as plain text.")))
        case Format.HTML:
            sentences.append(escape(_("Your mails now come with layout.")))
        case None:
            pass
    return Markup(" ").join(sentences)


def named(names: tuple[str, ...], ours: Words) -> Markup:
    """Titles as a phrase, each emphasised and isolated."""
    items = [str(Markup("<strong><bdi>{}</bdi></strong>").format(name)) for name in names]
    # The items are escaped, and the rest is Babel's conjunction.
    return Markup(ours.listing(items))  # noqa: S704
