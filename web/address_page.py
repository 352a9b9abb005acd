"""`/c/TOKEN` of a change of address: one button, for whoever reads the new address."""

from typing import assert_never

from fastapi import Request
from starlette.responses import Response

from runtime.database import read_clock
from runtime.i18n import words
from subscribers.address_changes import Confirmed, Refused, confirm, read_change
from web.boxes import Box
from web.forms import Form, FormFault
from web.guard import too_soon, was_just_queued
from web.pages import Site
from web.unsubscribe import shown_address, stale
from web.visits import via


class AddressPages:
    """The page and its form; the subject of their token is a change of address."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def read(self, token: str) -> int:
        """The change's id; raises TokenError."""
        return self._site.links.confirming_address(token)

    def show(self, request: Request, subject: int) -> Response:
        """The page; changes nothing."""
        return self._page(request, subject)

    def post(self, request: Request, subject: int, form: Form) -> Response:
        """Confirm it; a second time it changes nothing."""
        match self._site.seals.fault(request, form, self._site.links.base_url):
            case FormFault.FOREIGN:
                return self._site.error(request, 403)
            case FormFault.STALE:
                return self._page(request, subject, is_stale=True)
            case None:
                pass
        if self._came_too_soon(subject):
            return self._page(request, subject, is_too_soon=True)
        with self._site.database.transaction() as session:
            became = confirm(session, subject, via(request))
        match became:
            case Confirmed():
                return self._page(request, subject)
            case Refused():
                return self._refused(request, subject, became)
            case _:
                assert_never(became)

    def _came_too_soon(self, subject: int) -> bool:
        with self._site.database.reading() as session:
            asked = read_change(session, subject)
            return asked is not None and was_just_queued(asked.asked_at, read_clock(session))

    def _page(
        self,
        request: Request,
        subject: int,
        *,
        is_stale: bool = False,
        is_too_soon: bool = False,
    ) -> Response:
        with self._site.database.reading() as session:
            asked = read_change(session, subject)
        if asked is None or asked.is_undone:
            return self._refused(request, subject, Refused.OVER)
        ours = words(asked.language)
        box: Box | None = stale(ours) if is_stale else None
        if is_too_soon:
            box = too_soon(ours)
        return self._site.page(
            request,
            "confirm_address.html",
            ours,
            status=200 if box is None else 422,
            box=box,
            address=shown_address(asked.address),
            is_confirmed=asked.is_confirmed,
            preferences_url=self._site.links.preferences_url(asked.subscriber_id),
        )

    def _refused(self, request: Request, subject: int, why: Refused) -> Response:
        with self._site.database.reading() as session:
            asked = read_change(session, subject)
        ours = words(asked.language) if asked else self._site.words_of(request)
        _ = ours.gettext
        match why:
            case Refused.OVER:
                title = _("This link is too old")
                text = _("Ask for the change once more, on your private page.")
            case Refused.SUPPRESSED:
                title = _("We cannot send you mail at this address")
                text = _(
                    "Nothing was changed. If you want our mails to come to it, write to us: "
                    "answer one of our mails."
                )
            case Refused.IS_A_DESK:
                title = _("We cannot use this address here")
                text = _("Nothing was changed. Ask for the change once more, with another one.")
            case _:
                assert_never(why)
        return self._site.page(request, "message.html", ours, status=409, title=title, text=text)
