"""`/p/TOKEN`: what a subscriber gets from us, and how."""

from fastapi import Request
from markupsafe import escape
from sqlalchemy.orm import Session
from starlette.responses import Response

from mail.tokens import TokenError
from runtime.i18n import Words, best_language, supported, words
from subscribers.changes import Change
from subscribers.commands import TooLate, Wanted, save, stop_all, undo
from subscribers.queries import Profile, profile
from subscribers.subscription_rows import NotOffered
from web.changes import told
from web.desk_copies import DeskCopyPages
from web.desks import way_to_desks
from web.forms import Form, FormFault
from web.pages import Site
from web.unsubscribe import Box, PostedForm, shown_address, stale, undone_box
from web.visits import via


class PreferencePages:
    """The page and its forms: save, stop all, undo."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._desk_copies = DeskCopyPages(site)

    def show(self, request: Request, token: str) -> Response:
        """The page; changes nothing."""
        try:
            subscriber_id = self._site.links.preferring(token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        return self._page(request, subscriber_id)

    def post(self, request: Request, token: str, form: PostedForm) -> Response:
        """One of the page's forms."""
        site = self._site
        try:
            subscriber_id = site.links.preferring(token)
        except TokenError as error:
            return site.bad_token(request, error)
        of_desk = self._desk_copies.post(request, subscriber_id, form)
        if of_desk is not None:
            return of_desk
        match site.seals.fault(request, form, site.links.base_url):
            case FormFault.FOREIGN:
                return site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, subscriber_id, is_stale=True)
            case None:
                return self._do(request, subscriber_id, form)

    def _do(self, request: Request, subscriber_id: int, form: Form) -> Response:
        match form.one("do"):
            case "save":
                return self._save(request, subscriber_id, form)
            case "stop-all":
                with self._site.database.transaction() as session:
                    change = stop_all(session, subscriber_id, via(request))
                return self._page(request, subscriber_id, change=change)
            case "undo":
                return self._undo(request, subscriber_id, form.one("undo") or "")
            case _:
                return self._site.error(request, 400)

    def _save(self, request: Request, subscriber_id: int, form: Form) -> Response:
        # Only what the page showed is changed: a list that came since was neither taken nor left.
        shown, ticked = set(form.every("shown")), set(form.every("list"))
        try:
            with self._site.database.transaction() as session:
                found = profile(session, subscriber_id)
                if found is None:
                    return self._gone(request)
                wanted = _wanted(found, shown, ticked, form)
                change = save(session, subscriber_id, wanted, via(request))
        except NotOffered:
            return self._site.error(request, 400)
        return self._page(request, subscriber_id, change=change)

    def _undo(self, request: Request, subscriber_id: int, undo_token: str) -> Response:
        try:
            what = self._site.links.undoing(undo_token)
        except TokenError as error:
            return self._site.bad_token(request, error)
        if what.subscriber_id != subscriber_id:
            return self._site.bad_token(request, TokenError())
        with self._site.database.transaction() as session:
            undone = undo(session, what, via(request))
        return self._page(request, subscriber_id, undone=undone)

    def _page(
        self,
        request: Request,
        subscriber_id: int,
        *,
        change: Change | None = None,
        undone: Change | TooLate | None = None,
        is_stale: bool = False,
    ) -> Response:
        """The page as things are now, under what has just been done."""
        with self._site.database.reading() as session:
            found = profile(session, subscriber_id)
            if found is None:
                return self._gone(request)
            if found.is_desk:
                return self._desk_copies.page(request, found.address, found.language)
            ours = words(found.language)
            way = way_to_desks(session, request, found)
            box: Box | None = stale(ours) if is_stale else None
            if change is not None:
                box = self._saved(session, change, ours)
            elif undone is not None:
                box = undone_box(session, undone, ours)
        return self._site.page(
            request,
            "preferences.html",
            ours,
            status=200 if box is None or not box.is_error else 422,
            box=box,
            address=shown_address(found.address),
            profile=found,
            way_to_desks=way,
            languages=[words(language) for language in supported()],
            chosen_language=best_language(found.language),
        )

    def _saved(self, session: Session, change: Change, ours: Words) -> Box:
        _ = ours.gettext
        if change.is_nothing:
            return Box(_("Saved."), escape(_("Nothing was different from before.")))
        return Box(
            _("Saved."), told(session, change, ours), self._site.links.undo_token(change.undo)
        )

    def _gone(self, request: Request) -> Response:
        """For a subscriber who has been erased since."""
        return self._site.error(request, 404)


def _wanted(found: Profile, shown: set[str], ticked: set[str], form: Form) -> Wanted:
    """What the form asks for; raises NotOffered for a list that the page does not show."""
    if not ticked <= {choice.slug for choice in found.choices}:
        raise NotOffered("a list that is not on the page")
    return Wanted(
        on=frozenset(c.list_id for c in found.choices if c.slug in ticked),
        off=frozenset(c.list_id for c in found.choices if c.slug in shown - ticked),
        language=form.one("language"),
        format=form.one("format"),
    )
