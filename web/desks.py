"""`/p/TOKEN/desk`: what a desk forwards to one of its members; or, to its keeper, who these are.

A member comes by any link of theirs to "What you get from us", the keeper by the desk's private
link alone. Whoever else reads the desk's mail gets the page of `web.desk_copies`.
"""

import datetime as dt
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from mail.tokens import TokenError
from subscribers.desks import DeskFacts, desk_facts
from subscribers.queries import Profile
from web.desk_copies import DeskCopyPages
from web.desk_keeper import KeeperPage
from web.desk_member import MemberPage
from web.forms import Form, FormFault
from web.pages import Site
from web.visitors import LateVisitor, Visitor, read_visitor


@dataclass(frozen=True, slots=True)
class WayToDesks:
    """The link from `/p/TOKEN` to here."""

    path: str
    is_keeper: bool


def way_to_desks(request: Request, found: Profile) -> WayToDesks | None:
    """The link that the page of this subscriber has; None for who has to do with no desk."""
    if found.is_desk or found.is_a_member:
        return WayToDesks(f"{request.url.path}/desk", is_keeper=found.is_desk)
    return None


class DeskPages:
    """Finds out who comes, and leaves the rest to their page."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._copies = DeskCopyPages(site)
        self._keeper = KeeperPage(site)
        self._member = MemberPage(site)

    def show(self, request: Request, token: str) -> Response:
        """The page; changes nothing."""
        match self._coming(request, token):
            case Response() as refused:
                return refused
            case visitor, None:
                return self._member.page(request, visitor)
            case visitor, desk if visitor.is_private:
                return self._keeper.page(request, desk)
            case _, desk:
                return self._copies.page(request, desk.address, desk.language)

    def post(self, request: Request, token: str, form: Form) -> Response:
        """One of the page's forms."""
        coming = self._coming(request, token)
        if isinstance(coming, Response):
            return coming
        visitor, desk = coming
        if not visitor.is_private:
            of_desk = self._copies.post(request, visitor.subscriber_id, form)
            if of_desk is not None:
                return of_desk
        fault = self._site.seals.fault(request, form, self._site.links.base_url)
        if fault is FormFault.FOREIGN:
            return self._site.error(request, 403)
        is_stale = fault is FormFault.STALE
        if desk is not None:
            return self._keeper.post(request, desk, form, is_stale=is_stale)
        return self._member.post(request, visitor, form, is_stale=is_stale)

    def _coming(self, request: Request, token: str) -> Response | tuple[Visitor, DeskFacts | None]:
        try:
            visitor = read_visitor(self._site.links, token, dt.datetime.now(dt.UTC))
        except TokenError as error:
            return self._site.bad_token(request, error)
        if isinstance(visitor, LateVisitor):
            # There a new link can be had.
            return RedirectResponse(f"/p/{token}", 303)
        with self._site.database.reading() as session:
            return visitor, desk_facts(session, visitor.subscriber_id)
