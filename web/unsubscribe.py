"""`/u/TOKEN`: the link of "Stop these mails" and of List-Unsubscribe (RFC 8058)."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mail.tokens import TokenError
from releases.acceptance import arrival_of_release
from runtime.i18n import Words, words
from subscribers.change_words import ANYBODY, Reader, named, told
from subscribers.changes import Change
from subscribers.commands import TooLate, save, undo, unsubscribe
from subscribers.consents import By
from subscribers.leaving import WORDS_MAX_CHARACTERS, give_reason
from subscribers.links import Unsubscribing
from subscribers.locking import KeeperOnly
from subscribers.masking import masked
from subscribers.merged import current_id
from subscribers.queries import Copy, copy, titles
from subscribers.subscription_rows import NotOffered
from subscribers.telling import TooManyChanges, tell
from web.boxes import Box
from web.change_boxes import saved_box
from web.desk_copies import DeskCopyPages, refuse_one_click
from web.forms import SEAL_FIELD, Form, FormFault
from web.guard import is_too_soon, too_soon
from web.languages import accepted_language
from web.leaving_reasons import (
    Asking,
    asking_again,
    read_reason,
    reason_choices,
    unreasoned,
)
from web.less_mail import Less, less_mail
from web.pages import Site
from web.visits import via


@dataclass(frozen=True, slots=True)
class _Looked:
    """The page that is about to be shown, for what is said on top of it."""

    session: Session
    found: Copy
    ours: Words


Say = Callable[[_Looked], Box | None]


class UnsubscribePages:
    """The page, its forms, and one-click."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._desk_copies = DeskCopyPages(site)

    def show(self, request: Request, token: str) -> Response:
        """The page; changes nothing, whoever gets it and however often."""
        try:
            link = self._site.links.unsubscribing(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        return self._page(request, link)

    def post(self, request: Request, token: str, form: Form) -> Response:
        """One-click, or one of the page's own forms."""
        try:
            link = self._site.links.unsubscribing(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        if form.is_one_click:
            return self._one_click(request, link)
        of_desk = self._desk_copies.post(request, link.subscriber_id, form)
        if of_desk is not None:
            return of_desk
        match self._site.seals.fault(request, form, self._site.links.base_url):
            case FormFault.FOREIGN:
                return self._site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, link, lambda at: stale(at.ours), form=form)
            case None:
                if self._came_too_soon(link, form):
                    undo_token = form.one("undo")
                    return self._page(
                        request, link, lambda at: too_soon(at.ours, undo_token), form=form
                    )
                try:
                    return self._do(request, link, form)
                except NotOffered:
                    return self._site.error(request, 400)
                except TooManyChanges:
                    return self._site.error(request, 429, {"Retry-After": "3600"})

    def _do(self, request: Request, link: Unsubscribing, form: Form) -> Response:
        undo_token = form.one("undo")
        if undo_token is not None:
            return self._undo(request, link, undo_token)
        match form.one("do"):
            case None:
                return self._stop(request, link, form)
            case "weekly" | "pause":
                return self._lessen(request, link, form)
            case "reason":
                return self._give_reason(request, link, form)
            case _:
                return self._site.error(request, 400)

    def _came_too_soon(self, link: Unsubscribing, form: Form) -> bool:
        arrival = arrival_of_release(self._site.database, link.subscriber_id)
        return is_too_soon(arrival, form, self._site.seals)

    def _one_click(self, request: Request, link: Unsubscribing) -> Response:
        """RFC 8058 section 3.2: no cookie, no further question, no redirect; at once."""
        try:
            with self._site.database.transaction() as session:
                unsubscribe(
                    session,
                    link.subscriber_id,
                    link.list_set_id,
                    reason=By.ONE_CLICK,
                    via=via(request),
                )
        except KeeperOnly:
            return refuse_one_click()
        # A mail system reads it, and no person.
        return PlainTextResponse("stopped\n", headers={"Cache-Control": "no-store"})

    def _stop(self, request: Request, link: Unsubscribing, form: Form) -> Response:
        chosen = set(form.every("stop"))
        with self._site.database.transaction() as session:
            offered = copy(session, link.subscriber_id, link.list_set_id).choices
            only = [choice.list_id for choice in offered if choice.slug in chosen]
            if chosen and not only:
                return self._site.error(request, 400)
            change = unsubscribe(
                session,
                link.subscriber_id,
                link.list_set_id,
                reason=By.UNSUBSCRIBE_PAGE,
                via=via(request),
                only=only,
            )
            tell(session, change)
        if not chosen:
            return self._page(request, link, lambda at: none_chosen(at.ours), form=form)
        return self._page(
            request,
            link,
            lambda at: self._stopped(at, change, at.ours.gettext("Stopped.")),
            asking=None
            if change.is_nothing
            else Asking(self._site.links.reason_token(change.undo)),
        )

    def _lessen(self, request: Request, link: Unsubscribing, form: Form) -> Response:
        ticked = set(form.every("stop"))
        with self._site.database.transaction() as session:
            found = copy(session, link.subscriber_id, link.list_set_id)
            less = self._less(found)
            is_pause = form.one("do") == "pause"
            if not is_pause and not ticked:
                return self._page(request, link, lambda at: none_chosen(at.ours), form=form)
            if found.address is None:
                return self._page(request, link)
            wanted = less.pause() if is_pause else less.once_a_week(ticked)
            change = save(session, link.subscriber_id, wanted, via(request))
            tell(session, change)
        links = self._site.links
        return self._page(
            request,
            link,
            lambda at: saved_box(at.session, change, at.ours, self._reader(at.found), links),
        )

    def _less(self, found: Copy) -> Less:
        now, zone = dt.datetime.now(dt.UTC), self._site.settings.zone
        return less_mail(found, now, zone)

    def _give_reason(self, request: Request, link: Unsubscribing, form: Form) -> Response:
        asked = asking_again(form)
        try:
            left = self._site.links.reasoning(asked.token if asked else "")
        except TokenError as error:
            return self._site.bad_token(request, error)
        assert asked is not None
        reason = read_reason(asked)
        if reason is None:
            return self._page(request, link, lambda at: unreasoned(asked, at.ours), form=form)
        with self._site.database.transaction() as session:
            if current_id(session, left.subscriber_id) != current_id(session, link.subscriber_id):
                return self._site.bad_token(request, TokenError())
            change = give_reason(session, left, reason.why, reason.words, via(request))
        if change is None:
            return self._site.error(request, 400)
        return self._page(
            request, link, lambda at: self._stopped(at, change, at.ours.gettext("Thank you."))
        )

    def _undo(self, request: Request, link: Unsubscribing, undo_token: str) -> Response:
        try:
            what = self._site.links.undoing(undo_token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        with self._site.database.transaction() as session:
            if current_id(session, what.subscriber_id) != current_id(session, link.subscriber_id):
                return self._site.bad_token(request, TokenError())
            change = undo(session, what, via(request))
            if isinstance(change, Change):
                tell(session, change)
        return self._page(
            request,
            link,
            lambda at: undone_box(at.session, change, at.ours, self._reader(at.found)),
        )

    def _page(
        self,
        request: Request,
        link: Unsubscribing,
        say: Say = lambda _: None,
        *,
        form: Form | None = None,
        asking: Asking | None = None,
    ) -> Response:
        """The page as things are now, under what `say` says of what has just been done.

        `form`: what was posted and not taken, to be shown again.
        """
        with self._site.database.asking() as session:
            found = copy(session, link.subscriber_id, link.list_set_id)
            if found.is_desk:
                return self._desk_copies.page(request, found.address, found.language)
            ours = _words(request, found)
            box = say(_Looked(session, found, ours))
        return self._site.page(
            request,
            "unsubscribe.html",
            ours,
            status=200 if box is None or not box.is_error else 422,
            box=box,
            less=self._less(found),
            asking=asking_again(form) if form else asking,
            reasons=reason_choices(ours),
            words_max=WORDS_MAX_CHARACTERS,
            **_view(found, form, ours),
        )

    def _reader(self, found: Copy) -> Reader:
        its_own = frozenset(choice.list_id for choice in found.choices)
        return Reader(self._site.settings.zone, may_name=its_own)

    def _stopped(self, at: _Looked, change: Change, lead: str) -> Box | None:
        if change.is_nothing:
            return None
        _ = at.ours.gettext
        sentence = escape(_("Mails from %(lists)s no longer come to %(address)s.")) % {
            "lists": named(titles(at.session, change.left), at.ours),
            "address": shown_address(at.found.address),
        }
        return Box(lead, sentence, self._site.links.undo_token(change.undo))


def undone_box(
    session: Session, undone: Change | TooLate, ours: Words, reader: Reader = ANYBODY
) -> Box:
    """What an undo has done."""
    _ = ours.gettext
    match undone:
        case TooLate():
            text = escape(_("Choose anew what you want below, or in a newer mail from us."))
            return Box(_("This was too long ago to be undone."), text, is_error=True)
        case Change():
            sentences = told(session, undone, ours, reader)
            return Box(_("Undone."), sentences or escape(_("All is as it was.")))


def stale(ours: Words) -> Box:
    """For a form whose page had lain open for too long, or that came from nowhere."""
    _ = ours.gettext
    return Box(
        _("Nothing was changed."),
        escape(_("This page had been open for a long time. Please press the button again.")),
        is_error=True,
    )


def none_chosen(ours: Words) -> Box:
    """For a form on which nothing was ticked."""
    _ = ours.gettext
    text = Markup('<a href="#lists">{}</a>').format(_("Tick at least one of the lists below."))
    return Box(_("Nothing was changed."), text, is_error=True)


def shown_address(address: str | None) -> Markup:
    """A subscriber's address as any page of theirs shows it."""
    return Markup('<bdi dir="ltr">{}</bdi>').format(masked(address or ""))


def _ticked(found: Copy, form: Form | None) -> set[str]:
    """The lists with a tick: as it was posted, where the form with the lists is shown again."""
    is_of_lists = form is not None and form.one("undo") is None and form.one("of") is None
    if form is None or not is_of_lists or form.one(SEAL_FIELD) is None:
        return {choice.slug for choice in found.choices}
    return set(form.every("stop"))


def _view(found: Copy, form: Form | None, ours: Words) -> dict[str, Any]:
    still_on = [choice for choice in found.choices if choice.is_on]
    return {
        "ticked": _ticked(found, form),
        "address": shown_address(found.address) if found.address else None,
        "choices": still_on,
        "is_over": not still_on,
        "lists": named(tuple(choice.title for choice in still_on or found.choices), ours),
    }


def _words(request: Request, found: Copy) -> Words:
    return words(found.language or accepted_language(request.headers.get("accept-language", "")))
