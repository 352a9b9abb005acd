"""`/p/TOKEN`: what a subscriber gets from us, and how.

Two kinds of link open it. That of a release's mail may have been passed on with it: the *shared*
view names nobody, and the subscriber is told by mail what was changed on it. The *private* view,
by a private link, shows and changes everything.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from mail.tokens import TokenError
from releases.acceptance import arrival_of_release, last_notice
from runtime.i18n import words
from subscribers.change_words import Reader
from subscribers.changes import Change
from subscribers.commands import TooLate, Wanted, save, stop_all, undo
from subscribers.merged import current_id
from subscribers.notices import NoticeKind
from subscribers.queries import profile
from subscribers.subscription_rows import NotOffered
from subscribers.telling import TooManyChanges, mail_private_link, tell
from web.boxes import Box
from web.change_boxes import saved_box
from web.desk_copies import DeskCopyPages
from web.desks import way_to_desks
from web.forms import Form, FormFault
from web.guard import is_too_soon, too_soon
from web.late_links import LateLinkPages
from web.own_data import OwnData
from web.pages import Site
from web.preference_form import Asked, Fault, typed, wanted
from web.preference_view import link_sent, view
from web.unsubscribe import stale, undone_box
from web.visitors import LateVisitor, Visitor, read_visitor
from web.visits import via

RESUMED: Final = Wanted(paused_until=None)

WITH_PRIVATE_LINKS: Final = (
    NoticeKind.PRIVATE_LINK,
    NoticeKind.ALREADY_SUBSCRIBED,
    NoticeKind.DESK_LINK,
)


class PreferencePages:
    """The page and its forms: save, resume, stop all, undo, a private link."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._late = LateLinkPages(site)
        self._desk_copies = DeskCopyPages(site)
        self._own_data = OwnData(site)

    def show(self, request: Request, token: str) -> Response:
        """The page; changes nothing."""
        try:
            visitor = read_visitor(self._site.links, token, dt.datetime.now(dt.UTC))
        except TokenError as error:
            return self._site.bad_token(request, error)
        if isinstance(visitor, LateVisitor):
            return self._late.show(request, visitor.subscriber_id)
        return self._page(request, visitor)

    def post(self, request: Request, token: str, form: Form) -> Response:
        """One of the page's forms."""
        site = self._site
        try:
            visitor = read_visitor(site.links, token, dt.datetime.now(dt.UTC))
        except TokenError as error:
            return site.bad_token(request, error)
        fault = site.seals.fault(request, form, site.links.base_url)
        if fault is FormFault.FOREIGN:
            return site.error(request, 403)
        if isinstance(visitor, LateVisitor):
            return self._late.post(request, visitor.subscriber_id, form, fault)
        if not visitor.is_private:
            of_desk = self._desk_copies.post(request, visitor.subscriber_id, form)
            if of_desk is not None:
                return of_desk
        if fault is FormFault.STALE:
            return self._page(request, visitor, is_stale=True, form=form)
        if self._came_too_soon(visitor, form):
            return self._page(request, visitor, is_too_soon=True, form=form)
        try:
            return self._do(request, visitor, form)
        except NotOffered:
            return site.error(request, 400)
        except TooManyChanges:
            return self._too_many(request, visitor)

    def _came_too_soon(self, visitor: Visitor, form: Form) -> bool:
        database = self._site.database
        if visitor.is_private:
            with database.reading() as session:
                arrival = last_notice(session, visitor.subscriber_id, WITH_PRIVATE_LINKS)
        else:
            arrival = arrival_of_release(database, visitor.subscriber_id)
        return is_too_soon(arrival, form, self._site.seals)

    def _do(self, request: Request, visitor: Visitor, form: Form) -> Response:
        if visitor.is_private:
            of_own_data = self._own_data.do(request, visitor.subscriber_id, form)
            if of_own_data is not None:
                return of_own_data
        match form.one("do"):
            case "save":
                return self._save(request, visitor, form)
            case "resume":
                with self._site.database.transaction() as session:
                    change = save(session, visitor.subscriber_id, RESUMED, via(request))
                    self._tell(session, visitor, change)
                return self._page(request, visitor, change=change)
            case "stop-all":
                with self._site.database.transaction() as session:
                    change = stop_all(session, visitor.subscriber_id, via(request))
                    self._tell(session, visitor, change)
                return self._page(request, visitor, change=change)
            case "undo":
                return self._undo(request, visitor, form.one("undo") or "")
            case "private-link" if not visitor.is_private:
                with self._site.database.transaction() as session:
                    mail_private_link(session, visitor.subscriber_id)
                return self._page(request, visitor, is_link_sent=True)
            case _:
                return self._site.error(request, 400)

    def _save(self, request: Request, visitor: Visitor, form: Form) -> Response:
        with self._site.database.transaction() as session:
            asked = self._asked(session, visitor)
            if asked is None:
                return self._gone(request)
            ours = words(asked.found.language)
            decided = wanted(asked, form, ours)
            if isinstance(decided, Wanted):
                change = save(session, visitor.subscriber_id, decided, via(request))
                self._tell(session, visitor, change)
        if isinstance(decided, Wanted):
            return self._page(request, visitor, change=change)
        return self._page(request, visitor, faults=decided, form=form)

    def _undo(self, request: Request, visitor: Visitor, undo_token: str) -> Response:
        try:
            what = self._site.links.undoing(undo_token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        with self._site.database.transaction() as session:
            if current_id(session, what.subscriber_id) != current_id(
                session, visitor.subscriber_id
            ):
                return self._site.bad_token(request, TokenError())
            undone = undo(session, what, via(request))
            if isinstance(undone, Change):
                self._tell(session, visitor, undone)
        return self._page(request, visitor, undone=undone)

    def _tell(self, session: Session, visitor: Visitor, change: Change) -> None:
        """What is changed by a link that may have been passed on is told by mail."""
        if not visitor.is_private:
            tell(session, change)

    def _asked(self, session: Session, visitor: Visitor) -> Asked | None:
        found = profile(session, visitor.subscriber_id)
        if found is None:
            return None
        now = dt.datetime.now(dt.UTC)
        return Asked(found, visitor, now, self._site.settings.zone, self._site.seals)

    def _page(
        self,
        request: Request,
        visitor: Visitor,
        *,
        change: Change | None = None,
        undone: Change | TooLate | None = None,
        is_link_sent: bool = False,
        is_stale: bool = False,
        is_too_soon: bool = False,
        faults: Sequence[Fault] = (),
        form: Form | None = None,
    ) -> Response:
        """The page as things are now, under what has just been done.

        `form`: what was posted and not taken, to be shown again.
        """
        with self._site.database.asking() as session:
            asked = self._asked(session, visitor)
            if asked is None:
                return self._gone(request)
            if asked.found.is_desk and not visitor.is_private:
                found = asked.found
                return self._desk_copies.page(request, found.address, found.language)
            way = way_to_desks(request, asked.found)
            ours = words(asked.found.language)
            reader = Reader(self._site.settings.zone, visitor.is_private)
            box: Box | None = stale(ours) if is_stale else None
            if is_too_soon:
                box = too_soon(ours, form.one("undo") if form else None)
            elif change is not None:
                box = saved_box(session, change, ours, reader, self._site.links)
            elif undone is not None:
                box = undone_box(session, undone, ours, reader)
            elif is_link_sent:
                box = link_sent(asked.found.address, ours)
        is_typed = form is not None and form.one("do") == "save"
        return self._site.page(
            request,
            "preferences.html",
            ours,
            status=422 if faults or (box is not None and box.is_error) else 200,
            box=box,
            faults=faults,
            way_to_desks=way,
            **view(asked, typed(asked, form) if is_typed and form else None, ours),
        )

    def _too_many(self, request: Request, visitor: Visitor) -> Response:
        with self._site.database.asking() as session:
            found = profile(session, visitor.subscriber_id)
        ours = words(found.language) if found else self._site.words_of(request)
        _ = ours.gettext
        return self._site.page(
            request,
            "message.html",
            ours,
            status=429,
            title=_("So much was changed in the last hour that this must wait"),
            text=_(
                "Nothing was changed. Try again in an hour. To stop mail at once, use the link "
                "“Stop these mails” in one of our mails."
            ),
        )

    def _gone(self, request: Request) -> Response:
        """For a subscriber who has been erased since: the page of any link that opens nothing."""
        return self._site.bad_token(request, TokenError())
