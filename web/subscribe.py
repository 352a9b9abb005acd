"""`/subscribe`: whoever comes can ask for mail; nothing is sent before they confirm it by mail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from fastapi import Request
from starlette.responses import Response

from mail.addresses import Address, AddressError, parse_address
from runtime.i18n import Words, best_language, supported, words
from subscribers.digest_times import Wish, clock_of
from subscribers.digest_words import often_choices, when
from subscribers.models import Format, Frequency, MailingList
from subscribers.sign_ups import Answer, Asked, ask
from web.forms import Form, FormFault
from web.languages import accepted_language
from web.options import language_options, options
from web.pages import Site
from web.topics import Topic, by_topic
from web.unsubscribe import stale
from web.visits import via

TRAP: Final = "website"
"""A field that no person sees; programs fill it in."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is amiss with a field, by the id that the summary on top links to."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form."""

    address: str = ""
    lists: frozenset[str] = frozenset()
    often: dict[str, str] = field(default_factory=dict)
    language: str = ""
    format: str = Format.HTML.value


_ListRow = sa.Row[*tuple[Any, ...]]
_PUBLIC: Final = (
    sa.select(
        MailingList.id,
        MailingList.slug,
        MailingList.title,
        MailingList.description,
        MailingList.topic,
        MailingList.cadence,
        MailingList.timezone,
        MailingList.digest_hour,
    )
    .where(MailingList.is_private.is_(False))
    .order_by(MailingList.title)
)


class SubscribePages:
    """The form, and the page that follows it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def show(self, request: Request) -> Response:
        """The form; changes nothing."""
        ours = _words_of(request)
        return self._page(request, ours, Typed(language=ours.language))

    def post(self, request: Request, form: Form) -> Response:
        """Take the form; the answer is the same whatever is known about the address."""
        ours = _words_of(request)
        typed = _typed(form)
        match self._site.seals.fault(request, form, self._site.links.base_url):
            case FormFault.FOREIGN:
                return self._site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, ours, typed, is_stale=True)
            case None:
                return self._take(request, form, typed, ours)

    def _take(self, request: Request, form: Form, typed: Typed, ours: Words) -> Response:
        lists = {one.slug: one for topic in self._topics() for one in topic.lists}
        address, faults = _checked(typed, lists.keys(), ours)
        if faults or address is None:
            return self._page(request, ours, typed, faults=faults)
        if form.one(TRAP):
            return self._taken(request, ours)
        asked = Asked(
            address,
            {lists[slug].id: Frequency(typed.often[slug]) for slug in typed.lists},
            typed.language,
            typed.format,
        )
        with self._site.database.transaction() as session:
            answer = ask(session, asked, via(request), hash_key=self._site.settings.suppression_key)
        if answer is Answer.TOO_MANY:
            return self._site.error(request, 429, {"Retry-After": "3600"})
        return self._taken(request, ours)

    def _taken(self, request: Request, ours: Words) -> Response:
        _ = ours.gettext
        return self._site.page(
            request,
            "message.html",
            ours,
            title=_("Check your mail"),
            text=_(
                "We have written to the address that you gave. Open the mail, and press the button "
                "on the page that it leads to: then our mails come. If nothing has come in an "
                "hour, look for it among unwanted mail."
            ),
        )

    def _page(
        self,
        request: Request,
        ours: Words,
        typed: Typed,
        *,
        faults: Sequence[Fault] = (),
        is_stale: bool = False,
    ) -> Response:
        topics = self._topics()
        return self._site.page(
            request,
            "subscribe.html",
            ours,
            status=422 if faults or is_stale else 200,
            headers={"X-Robots-Tag": "all", "Vary": "Accept-Language"},
            topics=topics,
            typed=typed,
            faults=faults,
            box=stale(ours) if is_stale else None,
            often=often_choices(ours),
            when={one.slug: self._when(one, ours) for topic in topics for one in topic.lists},
            languages=[words(language) for language in supported()],
            options=options,
            language_options=language_options,
            trap=TRAP,
        )

    def _when(self, one: _ListRow, ours: Words) -> str:
        """When its digests come to somebody who reads this page's language."""
        wish = Wish(one.timezone, one.digest_hour)
        return when(
            clock_of(Wish(None, None), [wish], ours.language, self._site.settings.zone), ours
        )

    def _topics(self) -> list[Topic[_ListRow]]:
        with self._site.database.asking() as session:
            lists = session.connection().execute(_PUBLIC).all()
        return by_topic(lists, lambda one: one.topic)


def _words_of(request: Request) -> Words:
    asked = request.query_params.get("language")
    return words(asked or accepted_language(request.headers.get("accept-language", "")))


def _typed(form: Form) -> Typed:
    lists = form.every("list")
    return Typed(
        address=(form.one("address") or "").strip(),
        lists=frozenset(lists),
        often={slug: form.one(f"often-{slug}") or Frequency.AT_ONCE.value for slug in lists},
        language=best_language(form.one("language")),
        format=form.one("format") or Format.HTML.value,
    )


def _checked(
    typed: Typed, known: Collection[str], ours: Words
) -> tuple[Address | None, list[Fault]]:
    """The address, and what is amiss with the form."""
    _ = ours.gettext
    faults: list[Fault] = []
    address = None
    try:
        address = parse_address(typed.address)
    except AddressError:
        faults.append(Fault("address", _("Enter an e-mail address like name@example.com.")))
    are_known = typed.lists <= set(known)
    offered = {one.value for one in Frequency}
    are_offered = are_known and set(typed.often.values()) <= offered
    if not typed.lists or not are_offered or typed.format not in {one.value for one in Format}:
        faults.append(Fault("lists", _("Tick at least one of the lists below.")))
    return address, faults
