"""A desk's keeper invites members, and removes them."""

from dataclasses import dataclass

from fastapi import Request
from markupsafe import Markup, escape
from starlette.responses import Response

from mail.addresses import AddressError, parse_address
from runtime.database import read_clock
from runtime.i18n import Words, words
from subscribers.desk_members import Invitation, invite, remove
from subscribers.desks import DeskFacts, Member, members
from subscribers.masking import in_full
from web.boxes import Box
from web.forms import Form
from web.pages import Site
from web.unsubscribe import stale
from web.visits import via


@dataclass(frozen=True, slots=True)
class Row:
    """A member as the page shows them."""

    found: Member
    shown: str


@dataclass(frozen=True, slots=True)
class _Refused:
    """What was typed cannot be invited, and why."""

    typed: str
    fault: str


class KeeperPage:
    """The page, and its two forms."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(
        self,
        request: Request,
        desk: DeskFacts,
        box: Box | None = None,
        refused: _Refused | None = None,
    ) -> Response:
        """The page as things are now, under what has just been done."""
        with self._site.database.reading() as session:
            found = members(session, desk.desk_id, read_clock(session))
        ours = words(desk.language)
        if refused is not None:
            link = Markup('<a href="#address">{}</a>').format(refused.fault)
            box = Box(ours.gettext("Nobody was invited."), link, is_error=True)
        return self._site.page(
            request,
            "desk_keeper.html",
            ours,
            status=422 if box is not None and box.is_error else 200,
            box=box,
            desk_name=desk.name,
            desk_title=Markup("<bdi>{}</bdi>").format(desk.name),
            members=[Row(one, in_full(one.address)) for one in found],
            typed=refused.typed if refused else "",
            fault=refused.fault if refused else None,
            back_path=request.url.path.removesuffix("/desk"),
        )

    def post(self, request: Request, desk: DeskFacts, form: Form, *, is_stale: bool) -> Response:
        """One of the forms."""
        ours = words(desk.language)
        if is_stale:
            return self.page(request, desk, stale(ours))
        match form.one("do"):
            case "invite":
                return self._invite(request, desk, form.one("address") or "", ours)
            case "remove":
                return self._remove(request, desk, form.one("member") or "", ours)
            case _:
                return self._site.error(request, 400)

    def _invite(self, request: Request, desk: DeskFacts, typed: str, ours: Words) -> Response:
        _ = ours.gettext
        try:
            address = parse_address(typed)
        except AddressError:
            fault = _("Enter an e-mail address like name@example.com.")
            return self.page(request, desk, refused=_Refused(typed, fault))
        hash_key = self._site.settings.suppression_key
        with self._site.database.transaction() as session:
            became = invite(session, desk.desk_id, address, hash_key=hash_key)
        shown = Markup('<bdi dir="ltr">{}</bdi>').format(in_full(str(address)))
        match became:
            # What we know of an address is no business of who types it.
            case Invitation.SENT | Invitation.SUPPRESSED:
                text = _("%(address)s has a week to accept. Until then nothing is forwarded.")
                box = Box(_("Invited."), escape(text) % {"address": shown})
            case Invitation.SENT_LATELY:
                text = _("%(address)s was invited less than an hour ago. Wait a little.")
                box = Box(_("Nothing was changed."), escape(text) % {"address": shown})
            case Invitation.MEMBER_ALREADY:
                text = _("%(address)s is a member already.")
                box = Box(_("Nothing was changed."), escape(text) % {"address": shown})
            case Invitation.IS_A_DESK:
                fault = _("This is a desk's address. Enter that of one person.")
                return self.page(request, desk, refused=_Refused(typed, fault))
            case Invitation.TOO_MANY:
                fault = _("So many were invited that the next must wait. Try again in an hour.")
                return self.page(request, desk, refused=_Refused(typed, fault))
        return self.page(request, desk, box)

    def _remove(self, request: Request, desk: DeskFacts, typed: str, ours: Words) -> Response:
        _ = ours.gettext
        if not (typed.isascii() and typed.isdigit() and len(typed) < 19):
            return self._site.error(request, 400)
        with self._site.database.transaction() as session:
            address = remove(session, desk.desk_id, int(typed), via(request))
        if address is None:
            box = Box(_("Nothing was changed."), escape(_("They were removed before.")))
            return self.page(request, desk, box)
        text = escape(_("Nothing more is forwarded to %(address)s.")) % {
            "address": Markup('<bdi dir="ltr">{}</bdi>').format(in_full(address))
        }
        return self.page(request, desk, Box(_("Removed."), text))
