"""`/p/TOKEN` with a link that was genuine once: a new one is mailed to whom it belongs."""

from fastapi import Request
from starlette.responses import Response

from runtime.i18n import words
from subscribers.queries import profile
from subscribers.telling import mail_private_link
from web.boxes import Box
from web.forms import Form, FormFault
from web.pages import Site
from web.preference_view import link_sent
from web.unsubscribe import shown_address, stale


class LateLinkPages:
    """One button, and what it answers; neither says more of the subscriber than any page."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def show(self, request: Request, subscriber_id: int) -> Response:
        """The page; changes nothing."""
        return self._page(request, subscriber_id, 404)

    def post(
        self, request: Request, subscriber_id: int, form: Form, fault: FormFault | None
    ) -> Response:
        """Mails a new link, and says the same whether it was the first or one too many."""
        if fault is not None:
            return self._page(request, subscriber_id, 422, is_stale=True)
        if form.one("do") != "private-link":
            return self._site.error(request, 400)
        with self._site.database.transaction() as session:
            mail_private_link(session, subscriber_id)
        return self._page(request, subscriber_id, 200, is_link_sent=True)

    def _page(
        self,
        request: Request,
        subscriber_id: int,
        status: int,
        *,
        is_link_sent: bool = False,
        is_stale: bool = False,
    ) -> Response:
        with self._site.database.reading() as session:
            found = profile(session, subscriber_id)
        if found is None:
            return self._site.error(request, 404)
        ours = words(found.language)
        box: Box | None = stale(ours) if is_stale else None
        return self._site.page(
            request,
            "late_link.html",
            ours,
            status=status,
            box=link_sent(found.address, ours) if is_link_sent else box,
            is_link_sent=is_link_sent,
            address=shown_address(found.address),
        )
