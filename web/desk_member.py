"""A desk's member chooses what it forwards to them, and leaves it."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from starlette.responses import Response

from mail.tokens import TokenError
from runtime.i18n import Words, words
from subscribers.change_words import Reader, told
from subscribers.changes import Change
from subscribers.commands import TooLate, undo
from subscribers.desk_members import choose, leave
from subscribers.desks import Forwardable, Membership, memberships
from subscribers.masking import in_full
from subscribers.models import Subscriber
from subscribers.telling import TooManyChanges, tell
from web.boxes import Box
from web.forms import Form
from web.pages import Site
from web.unsubscribe import shown_address, stale, undone_box
from web.visitors import Visitor
from web.visits import via


@dataclass(frozen=True, slots=True)
class Shown:
    """A desk as the page shows it; its name says where somebody works, so only to themselves."""

    desk_id: int
    name: str | None
    lists: tuple[Forwardable, ...]


class MemberPage:
    """The page, and its forms: what is forwarded, leave, undo."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(
        self,
        request: Request,
        visitor: Visitor,
        say: Callable[[Session, Words], Box] | None = None,
        status: int | None = None,
    ) -> Response:
        """The page as things are now; `say` words what has just been done."""
        with self._site.database.reading() as session:
            found = session.get(Subscriber, visitor.subscriber_id)
            if found is None:
                return self._site.error(request, 404)
            address, ours = found.address, words(found.language)
            desks = memberships(session, found.id)
            box = say(session, ours) if say is not None else None
        shown = shown_address(address)
        if visitor.is_private:
            shown = Markup('<bdi dir="ltr">{}</bdi>').format(in_full(address))
        return self._site.page(
            request,
            "desk_member.html",
            ours,
            status=status or (422 if box is not None and box.is_error else 200),
            box=box,
            address=shown,
            desks=[_shown(desk, visitor) for desk in desks],
            back_path=request.url.path.removesuffix("/desk"),
        )

    def post(self, request: Request, visitor: Visitor, form: Form, *, is_stale: bool) -> Response:
        """One of the forms."""
        if is_stale:
            return self.page(request, visitor, lambda _, ours: stale(ours))
        try:
            match form.one("do"):
                case "choose":
                    return self._choose(request, visitor, form)
                case "leave":
                    return self._leave(request, visitor, form)
                case "undo":
                    return self._undo(request, visitor, form.one("undo") or "")
                case _:
                    return self._site.error(request, 400)
        except TooManyChanges:
            return self.page(request, visitor, lambda _, ours: _too_many(ours), 429)

    def _choose(self, request: Request, visitor: Visitor, form: Form) -> Response:
        shown, ticked = set(form.every("shown")), set(form.every("list"))
        with self._site.database.transaction() as session:
            desk = _desk(session, visitor, form)
            if desk is None:
                return self._moved_on(request, visitor)
            ids = {one.slug: one.list_id for one in desk.lists}
            if not ticked <= ids.keys():
                return self._moved_on(request, visitor)
            change = choose(
                session,
                desk.desk_id,
                visitor.subscriber_id,
                frozenset(ids[slug] for slug in ticked),
                # What was not on the page was neither taken nor left.
                frozenset(ids[slug] for slug in (shown & ids.keys()) - ticked),
                via(request),
            )
            _tell(session, visitor, change)
        return self._done(request, visitor, change, is_leaving=False)

    def _leave(self, request: Request, visitor: Visitor, form: Form) -> Response:
        with self._site.database.transaction() as session:
            desk = _desk(session, visitor, form)
            if desk is None:
                return self._moved_on(request, visitor)
            change = leave(session, desk.desk_id, visitor.subscriber_id, via(request))
            _tell(session, visitor, change)
        return self._done(request, visitor, change, is_leaving=True)

    def _done(
        self, request: Request, visitor: Visitor, change: Change, *, is_leaving: bool
    ) -> Response:
        reader = Reader(self._site.settings.zone)

        def say(session: Session, ours: Words) -> Box:
            _ = ours.gettext
            lead = _("You have left this desk.") if is_leaving else _("Saved.")
            token = self._site.links.undo_token(change.undo) if change.entry_id else None
            if change.is_nothing:
                said = _("Nothing came through it.") if is_leaving else None
                return Box(lead, escape(said or _("Nothing was different from before.")), token)
            return Box(lead, told(session, change, ours, reader), token)

        return self.page(request, visitor, say)

    def _undo(self, request: Request, visitor: Visitor, undo_token: str) -> Response:
        try:
            what = self._site.links.undoing(undo_token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        if what.subscriber_id != visitor.subscriber_id:
            return self._site.bad_token(request, TokenError())
        with self._site.database.transaction() as session:
            undone: Change | TooLate = undo(session, what, via(request))
            if isinstance(undone, Change):
                _tell(session, visitor, undone)
        reader = Reader(self._site.settings.zone)
        return self.page(
            request, visitor, lambda session, ours: undone_box(session, undone, ours, reader)
        )

    def _moved_on(self, request: Request, visitor: Visitor) -> Response:
        """The desk forwards another list, or none to them: the page was older than that."""

        def say(_: Session, ours: Words) -> Box:
            text = ours.gettext("This desk has changed meanwhile. Look at the page once more.")
            return Box(ours.gettext("Nothing was changed."), escape(text), is_error=True)

        return self.page(request, visitor, say)


def _desk(session: Session, visitor: Visitor, form: Form) -> Membership | None:
    """The desk that the form is about, if they are its member."""
    for desk in memberships(session, visitor.subscriber_id):
        if str(desk.desk_id) == form.one("desk"):
            return desk
    return None


def _tell(session: Session, visitor: Visitor, change: Change) -> None:
    """What is changed by a link that may have been passed on is told by mail."""
    if not visitor.is_private:
        tell(session, change)


def _too_many(ours: Words) -> Box:
    _ = ours.gettext
    text = _("So much was changed by this link that the next change must wait for an hour.")
    return Box(_("Nothing was changed."), escape(text), is_error=True)


def _shown(desk: Membership, visitor: Visitor) -> Shown:
    return Shown(desk.desk_id, desk.name if visitor.is_private else None, desk.lists)
