"""`/c/TOKEN` with a desk's invitation: what the desk can forward, and "Accept"."""

from fastapi import Request
from markupsafe import Markup
from starlette.responses import Response

from runtime.database import read_clock
from runtime.i18n import Words, words
from subscribers.change_words import named
from subscribers.desk_members import accept
from subscribers.desks import Invited, invitation
from subscribers.subscription_rows import NotOffered
from web.boxes import Box
from web.forms import Form, FormFault
from web.pages import Site
from web.unsubscribe import none_chosen, shown_address, stale
from web.visits import via


class InvitationPages:
    """The page and its form; the subject of their token is a row of a desk's members."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def read(self, token: str) -> int:
        """The member's row that a token is about; raises TokenError."""
        return self._site.links.accepting(token)

    def show(self, request: Request, subject: int) -> Response:
        """The page; changes nothing."""
        return self._page(request, subject)

    def post(self, request: Request, subject: int, form: Form) -> Response:
        """Accept, with the lists that are ticked; a second time it changes nothing."""
        match self._site.seals.fault(request, form, self._site.links.base_url):
            case FormFault.FOREIGN:
                return self._site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, subject, fault="stale")
            case None:
                return self._accept(request, subject, form)

    def _accept(self, request: Request, subject: int, form: Form) -> Response:
        ticked = set(form.every("list"))
        hash_key = self._site.settings.suppression_key
        try:
            with self._site.database.transaction() as session:
                found = invitation(session, subject, read_clock(session))
                if found is None:
                    return self._over(request)
                wanted = {one.slug: one.list_id for one in found.lists if not one.is_otherwise}
                if not ticked <= wanted.keys():
                    return self._page(request, subject, fault="stale")
                # Who gets no mail would have no link by which to change that.
                if not ticked and wanted and not found.is_accepted:
                    return self._page(request, subject, fault="none")
                lists = frozenset(wanted[slug] for slug in ticked)
                seen = via(request, _sentence(found, words(found.language)))
                if not accept(session, subject, lists, seen, hash_key=hash_key):
                    return self._over(request)
        except NotOffered:
            return self._page(request, subject, fault="stale")
        return self._page(request, subject)

    def _page(self, request: Request, subject: int, fault: str | None = None) -> Response:
        with self._site.database.reading() as session:
            found = invitation(session, subject, read_clock(session))
        if found is None:
            return self._over(request)
        ours = words(found.language)
        box: Box | None = None
        if fault is not None and not found.is_accepted:
            box = none_chosen(ours) if fault == "none" else stale(ours)
        forwarded = tuple(one.title for one in found.lists if one.is_forwarded)
        return self._site.page(
            request,
            "desk_invitation.html",
            ours,
            status=200 if box is None else 422,
            box=box,
            invited=found,
            address=shown_address(found.address),
            desk_title=Markup("<bdi>{}</bdi>").format(found.name),
            forwarded=named(forwarded, ours) if forwarded else None,
        )

    def _over(self, request: Request) -> Response:
        """It has run out, the keeper has taken it back, or they have left the desk since."""
        ours = self._site.words_of(request)
        _ = ours.gettext
        return self._site.page(
            request,
            "message.html",
            ours,
            status=410,
            title=_("This invitation is over"),
            text=_("Ask whoever keeps the desk to invite you once more."),
        )


def _sentence(found: Invited, ours: Words) -> str:
    """What is agreed to, as the page words it."""
    sentence = ours.gettext("%(desk)s may forward what you tick to %(address)s.")
    return sentence % {"desk": found.name, "address": found.address}
