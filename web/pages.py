"""How a page is made: template, our words, the office's name, and the headers that go with it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mail.addresses import AddressError, parse_mailbox
from mail.text import clean_line
from mail.tokens import Keyring, MalformedTokenError, RetiredKeyError, TokenError
from releases.templating import environment, templates_folder
from runtime.database import Database
from runtime.i18n import Words, words
from runtime.settings import Settings
from subscribers.links import Links
from web.forms import SEAL_FIELD, Seals
from web.languages import accepted_language
from web.security import PAGE_HEADERS

STYLE_SHEET: Final = templates_folder() / "web" / "medianote.css"


@dataclass(frozen=True)
class Site:
    """What every page works with."""

    settings: Settings
    database: Database
    links: Links
    seals: Seals

    @cached_property
    def office(self) -> str:
        """The name that pages carry on top: the sender's."""
        try:
            mailbox = parse_mailbox(self.settings.sender)
        except AddressError:
            return self.settings.sender_domain
        return clean_line(mailbox.name) or str(mailbox.address)

    @cached_property
    def style_sheet(self) -> bytes:
        """The style sheet that all pages share."""
        return STYLE_SHEET.read_bytes()

    @cached_property
    def style_sheet_path(self) -> str:
        """Where it is served; the name changes with the content, so it is kept for ever."""
        digest = hashlib.sha256(self.style_sheet).hexdigest()[:16]
        return f"/static/medianote-{digest}.css"

    def page(
        self,
        request: Request,
        template: str,
        ours: Words,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **view: Any,
    ) -> Response:
        """A page in these words; `view` is what its template speaks of."""
        html = (
            environment()
            .get_template(f"web/{template}")
            .render(
                _=ours.gettext,
                ngettext=ours.ngettext,
                words=ours,
                language=ours.language,
                direction=ours.direction,
                office=self.office,
                postal_address=clean_line(self.settings.office_address),
                is_rehearsal=self.settings.is_rehearsal,
                style_sheet_path=self.style_sheet_path,
                feed_url=self.links.feed_url(),
                here=_here(request),
                seal_field=SEAL_FIELD,
                seal=self.seals.seal(request.url.path),
                **view,
            )
        )
        return HTMLResponse(html, status, {**PAGE_HEADERS, **(headers or {})})

    def error(
        self, request: Request, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The plain page of an error: what is the case, and what to do."""
        ours = self.words_of(request)
        title, advice = error_words(status, ours)
        return self.page(
            request, "message.html", ours, status=status, headers=headers, title=title, text=advice
        )

    def bad_token(self, request: Request, error: TokenError) -> Response:
        """The page for a link that opens nothing."""
        ours = self.words_of(request)
        match error:
            case MalformedTokenError():
                title = ours.gettext("This link is not complete")
                text = ours.gettext("Copy all of the link from the mail, or open it from there.")
            case RetiredKeyError():
                title = ours.gettext("This link is too old")
                text = ours.gettext("Use the link at the end of a newer mail from us.")
            case _:
                title = ours.gettext("This link does not work")
                text = ours.gettext("Open the link at the end of one of our mails once more.")
        return self.page(request, "message.html", ours, status=404, title=title, text=text)

    def words_of(self, request: Request) -> Words:
        """Our words in the language that the reader's browser asks for."""
        return words(accepted_language(request.headers.get("accept-language", "")))


def _here(request: Request) -> str:
    """Where a page's forms go: to the page itself, but to no field of it.

    Without it the page that follows a link from "what is amiss" to a field would open there, and
    not at what it says on top.
    """
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def make_site(settings: Settings, database: Database) -> Site:
    """What every page works with, made from the settings."""
    keyring = Keyring(settings.signing_keys, settings.retired_keys)
    return Site(
        settings=settings,
        database=database,
        links=Links(settings.public_url, keyring),
        seals=Seals(settings.signing_keys),
    )


def error_words(status: int, ours: Words) -> tuple[str, str]:
    """Title and advice for a status of 400 or more."""
    _ = ours.gettext
    try_again = _("Nothing was changed. Open the link in your mail and try again there.")
    later = _("Try again in a few minutes.")
    known = {
        403: (_("This form was not sent from our page"), try_again),
        404: (
            _("There is nothing at this address"),
            _("Check that the address is complete. What was announced may not be out yet."),
        ),
        405: (_("This page cannot do that"), try_again),
        413: (_("That is more than this page can take"), try_again),
        429: (
            _("So much was asked for that this must wait"),
            _("Nothing was changed. Try again in an hour."),
        ),
        503: (_("We cannot do this at the moment"), later),
    }
    if status in known:
        return known[status]
    if status >= 500:
        return _("Something is wrong on our side"), later
    return _("This request cannot be understood"), try_again
