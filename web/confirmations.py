"""`/c/TOKEN`: what a link in a notice asks for, on one page with one button."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import sqlalchemy as sa
from fastapi import Request
from markupsafe import Markup, escape
from starlette.responses import Response

from mail.tokens import BadSignatureError, TokenError
from releases.acceptance import last_notice
from runtime.database import read_clock
from runtime.i18n import Words, words
from subscribers.change_words import Reader, named, rhythms, told
from subscribers.changes import Change
from subscribers.commands import TooLate, undo
from subscribers.consents import change_of
from subscribers.merged import current_id
from subscribers.models import Subscriber
from subscribers.notices import NoticeKind
from subscribers.queries import profile, titles
from subscribers.record_models import Consent, SignUp
from subscribers.sign_ups import confirm, lists_of
from subscribers.undo import Undo
from web.address_page import AddressPages
from web.boxes import Box
from web.forms import Form, FormFault
from web.guard import is_too_soon, too_soon, was_just_queued
from web.invitations import InvitationPages
from web.pages import Site
from web.unsubscribe import stale, undone_box
from web.visits import via

TELLING_OF_CHANGES: Final = (NoticeKind.CHANGED, NoticeKind.ADDRESS_CHANGED)


class Confirmation(Protocol):
    """What one kind of token opens; its subject is what `read` makes of the token."""

    def read(self, token: str) -> Any:
        """What a token is about; raises TokenError for one of another kind."""

    def show(self, request: Request, subject: Any) -> Response:
        """The page; changes nothing."""

    def post(self, request: Request, subject: Any, form: Form) -> Response:
        """The page's form; a second time it changes nothing."""


class ConfirmationPages:
    """Finds whose token it is."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kinds: Sequence[Confirmation] = (
            SignUpConfirmation(site),
            UndoConfirmation(site),
            InvitationPages(site),
            AddressPages(site),
        )

    def show(self, request: Request, token: str) -> Response:
        """The page of a link in a notice."""
        try:
            kind, subject = self._read(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        return kind.show(request, subject)

    def post(self, request: Request, token: str, form: Form) -> Response:
        """Its form."""
        try:
            kind, subject = self._read(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        return kind.post(request, subject, form)

    def _read(self, token: str) -> tuple[Confirmation, Any]:
        for kind in self._kinds:
            try:
                return kind, kind.read(token)
            except BadSignatureError:
                continue  # it may be one of another kind
        raise BadSignatureError


class SignUpConfirmation:
    """A sign-up's."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def read(self, token: str) -> int:
        """The sign-up's id."""
        return self._site.links.confirming_sign_up(token)

    def show(self, request: Request, subject: int) -> Response:
        """What was asked for, and a button."""
        return self._page(request, subject)

    def post(self, request: Request, subject: int, form: Form) -> Response:
        """Confirm it, or take it back."""
        site = self._site
        match site.seals.fault(request, form, site.links.base_url):
            case FormFault.FOREIGN:
                return site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, subject, is_stale=True)
            case None:
                pass
        if self._came_too_soon(subject):
            return self._page(request, subject, is_too_soon=True)
        if form.one("undo") is not None:
            return UndoConfirmation(site).take_back(request, form.one("undo") or "")
        seen = via(request, self._agreed(subject))
        with site.database.transaction() as session:
            change = confirm(session, subject, seen)
        if change is None:
            return self._over(request)
        return self._page(request, subject, change=change)

    def _came_too_soon(self, sign_up_id: int) -> bool:
        with self._site.database.reading() as session:
            sign_up = session.get(SignUp, sign_up_id)
            if sign_up is None or sign_up.mailed_at is None:
                return False
            return was_just_queued(sign_up.mailed_at, read_clock(session))

    def _page(
        self,
        request: Request,
        sign_up_id: int,
        *,
        change: Change | None = None,
        is_stale: bool = False,
        is_too_soon: bool = False,
    ) -> Response:
        with self._site.database.reading() as session:
            sign_up = session.get(SignUp, sign_up_id)
            if sign_up is None:
                return self._over(request)
            ours = words(sign_up.language)
            often = lists_of(session, sign_up_id)
            asked = titles(session, list(often))
            found = profile(session, sign_up.subscriber_id) if sign_up.subscriber_id else None
            person = session.scalar(
                sa.select(Subscriber).where(Subscriber.address_key == sign_up.address_key)
            )
            when = rhythms(session, often, ours, self._site.settings.zone, person)
        _ = ours.gettext
        box: Box | None = stale(ours) if is_stale else None
        if is_too_soon:
            box = too_soon(ours)
        if change is not None and change.entry_id is not None:
            token = self._site.links.undo_token(change.undo)
            now = escape(_("You now get %(lists)s.")) % {"lists": named(asked, ours)}
            box = Box(_("Thank you."), Markup(" ").join([now, *when]), token)
        return self._site.page(
            request,
            "confirm_sign_up.html",
            ours,
            status=422 if is_stale or is_too_soon else 200,
            box=box,
            lists=named(asked, ours),
            when=when,
            is_confirmed=found is not None,
            preferences_url=self._site.links.preferences_url(found.subscriber_id)
            if found is not None
            else None,
        )

    def _agreed(self, sign_up_id: int) -> str | None:
        """What somebody agrees to, in the words of the page: kept on the consent log."""
        with self._site.database.reading() as session:
            sign_up = session.get(SignUp, sign_up_id)
            if sign_up is None:
                return None
            ours = words(sign_up.language)
            lists = titles(session, list(lists_of(session, sign_up_id)))
        agreed = ours.gettext("Yes, send me %(lists)s by mail until I stop it.")
        return agreed % {"lists": ours.listing(list(lists))}

    def _over(self, request: Request) -> Response:
        ours = self._site.words_of(request)
        _ = ours.gettext
        return self._site.page(
            request,
            "message.html",
            ours,
            status=404,
            title=_("This link is too old"),
            text=_("Fill in the form once more, and a new one comes to you."),
        )


class UndoConfirmation:
    """An undo's: of a change that a notice has told of."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def read(self, token: str) -> Undo:
        """The change."""
        return self._site.links.undoing(token)

    def show(self, request: Request, subject: Undo) -> Response:
        """What was changed, and a button."""
        return self._page(request, subject)

    def post(self, request: Request, subject: Undo, form: Form) -> Response:
        """Take it back."""
        site = self._site
        match site.seals.fault(request, form, site.links.base_url):
            case FormFault.FOREIGN:
                return site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, subject, is_stale=True)
            case None:
                if self._came_too_soon(subject, form):
                    return self._page(request, subject, is_too_soon=True)
                return self._undo(request, subject)

    def _came_too_soon(self, what: Undo, form: Form) -> bool:
        with self._site.database.reading() as session:
            arrival = last_notice(session, what.subscriber_id, TELLING_OF_CHANGES)
        return is_too_soon(arrival, form, self._site.seals)

    def take_back(self, request: Request, token: str) -> Response:
        """Undo what a button on another page names."""
        try:
            what = self.read(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        return self._undo(request, what)

    def _undo(self, request: Request, what: Undo) -> Response:
        with self._site.database.transaction() as session:
            undone = undo(session, what, via(request))
        return self._page(request, what, undone=undone)

    def _page(
        self,
        request: Request,
        what: Undo,
        *,
        undone: Change | TooLate | None = None,
        is_stale: bool = False,
        is_too_soon: bool = False,
    ) -> Response:
        reader = Reader(office_zone=self._site.settings.zone)
        with self._site.database.reading() as session:
            entry = session.get(Consent, what.entry_id)
            found = session.get(Subscriber, current_id(session, what.subscriber_id))
            ours: Words = words(found.language) if found else self._site.words_of(request)
            is_known = entry is not None and entry.subscriber_id == what.subscriber_id
            if not is_known or entry is None or found is None:
                return self._site.error(request, 404)
            changed = told(session, change_of(entry), ours, reader)
            box: Box | None = stale(ours) if is_stale else None
            if is_too_soon:
                box = too_soon(ours)
            if undone is not None:
                box = undone_box(session, undone, ours, reader)
        return self._site.page(
            request,
            "confirm_undo.html",
            ours,
            status=422 if box is not None and box.is_error else 200,
            box=box,
            changed=changed,
            is_done=undone is not None,
            preferences_url=self._site.links.preferences_url(what.subscriber_id),
        )
