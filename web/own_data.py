"""The private view's part on one's own data: change of address, download, erasure."""

import datetime as dt
import json

from fastapi import Request
from markupsafe import Markup, escape
from starlette.responses import Response

from mail.addresses import AddressError, parse_address
from releases.forgetting import delivered_to, erase_person
from runtime.i18n import words
from subscribers.address_changes import Asking
from subscribers.address_changes import request as ask_for_change
from subscribers.masking import in_full
from subscribers.own_data import known
from subscribers.queries import Profile, profile
from web.boxes import Box
from web.forms import Form
from web.pages import Site
from web.security import PAGE_HEADERS
from web.visits import via

FILE_NAME = "your-data.json"


class OwnData:
    """The forms of that part; whoever calls has checked the seal, and that the link is private."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def do(self, request: Request, subscriber_id: int, form: Form) -> Response | None:
        """What a form asks for; None where it is none of these."""
        action = form.one("do")
        if action not in {"change-address", "download", "erase", "erase-really"}:
            return None
        with self._site.database.reading() as session:
            found = profile(session, subscriber_id)
        if found is None:
            return self._site.error(request, 404)
        match action:
            case "change-address":
                return self._change(request, found, form.one("address") or "")
            case "download":
                return self._download(request, found)
            case "erase":
                return self._ask_once_more(request, found)
            case _:
                return self._erase(request, found)

    def _change(self, request: Request, found: Profile, typed: str) -> Response:
        ours = words(found.language)
        _ = ours.gettext
        try:
            address = parse_address(typed.strip())
        except AddressError:
            fault = _("Enter an e-mail address like name@example.com.")
            return self._change_page(request, found, typed, fault)
        hash_key = self._site.settings.suppression_key
        with self._site.database.transaction() as session:
            became = ask_for_change(session, found.subscriber_id, address, hash_key=hash_key)
        match became:
            case Asking.SENT:
                shown = Markup('<bdi dir="ltr">{}</bdi>').format(in_full(str(address)))
                text = _(
                    "A mail comes to %(address)s within a few minutes. Open the link in it and "
                    "press the button there, within a week. Until then nothing changes."
                )
                box = Box(_("Asked for."), escape(text) % {"address": shown})
                return self._change_page(request, found, "", None, box)
            case Asking.SAME:
                fault = _("Our mails come to this address already. Enter another one.")
                return self._change_page(request, found, typed, fault)
            case Asking.TOO_MANY:
                fault = _("So many changes were asked for that this must wait. Try in an hour.")
                return self._change_page(request, found, typed, fault, status=429)
            case Asking.GONE:
                return self._site.error(request, 404)

    def _change_page(
        self,
        request: Request,
        found: Profile,
        typed: str,
        fault: str | None,
        box: Box | None = None,
        status: int = 422,
    ) -> Response:
        ours = words(found.language)
        if fault is not None:
            link = Markup('<a href="#address">{}</a>').format(fault)
            box = Box(ours.gettext("Nothing was changed."), link, is_error=True)
        return self._site.page(
            request,
            "change_address.html",
            ours,
            status=200 if fault is None else status,
            is_desk=found.is_desk,
            box=box,
            typed=typed,
            fault=fault,
            back_path=request.url.path,
        )

    def _download(self, request: Request, found: Profile) -> Response:
        with self._site.database.reading() as session:
            data = known(session, found.subscriber_id)
            if data is None:
                return self._site.error(request, 404)
            data["delivered"] = delivered_to(session, found.subscriber_id)
        about = words(found.language).gettext(
            "This is everything that %(office)s has about you, as of %(moment)s. Times are in UTC."
        )
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        told = {"about": about % {"office": self._site.office, "moment": now}} | data
        return Response(
            json.dumps(told, ensure_ascii=False, indent=2) + "\n",
            media_type="application/json",
            headers={
                **PAGE_HEADERS,
                "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            },
        )

    def _ask_once_more(self, request: Request, found: Profile) -> Response:
        return self._site.page(
            request,
            "erase.html",
            words(found.language),
            is_desk=found.is_desk,
            address=Markup('<bdi dir="ltr">{}</bdi>').format(in_full(found.address)),
            back_path=request.url.path,
        )

    def _erase(self, request: Request, found: Profile) -> Response:
        hash_key = self._site.settings.suppression_key
        with self._site.database.transaction() as session:
            erase_person(session, found.subscriber_id, via(request), hash_key=hash_key)
        ours = words(found.language)
        _ = ours.gettext
        return self._site.page(
            request,
            "message.html",
            ours,
            title=_("The desk's data is erased") if found.is_desk else _("Your data is erased"),
            text=_("One last mail comes to tell you so. After it, nothing comes from us."),
        )
