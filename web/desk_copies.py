"""What the links of a desk's copy open, `/u/TOKEN` and `/p/TOKEN`: nothing that ends anything.

Several people read such a copy; scanners read it, and it is passed on. So no button here changes
what the desk gets: one asks its keeper, and a link leads to mail of one's own.
"""

from typing import Final

from fastapi import Request
from markupsafe import Markup
from starlette.responses import PlainTextResponse, Response

from runtime.i18n import words
from subscribers.desk_commands import ask_keeper
from subscribers.desks import desk_facts
from subscribers.masking import masked
from web.forms import Form, FormFault
from web.pages import Site

REFUSAL: Final = (
    "Nothing was stopped. Several people read the mail of this address, and only the keeper of "
    "their desk can stop it. Open the link in a browser to ask the keeper.\n"
)


class DeskCopyPages:
    """The page, and its one button."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(
        self,
        request: Request,
        address: str | None,
        language: str | None,
        said: str | None = None,
        status: int = 200,
    ) -> Response:
        """The page; `said` is "asked", "lately" (asked too often to be asked again) or "stale"."""
        return self._site.page(
            request,
            "desk_copy.html",
            words(language),
            status=status,
            address=Markup('<bdi dir="ltr">{}</bdi>').format(masked(address or "")),
            subscribe_url=f"{self._site.links.base_url}/subscribe",
            said=said,
        )

    def post(self, request: Request, subscriber_id: int, form: Form) -> Response | None:
        """What answers any post to a desk's shared link; None where no desk is concerned."""
        site = self._site
        with site.database.asking() as session:
            desk = desk_facts(session, subscriber_id)
        if desk is None:
            return None
        match site.seals.fault(request, form, site.links.base_url):
            case FormFault.FOREIGN:
                return site.error(request, 403)
            case FormFault.STALE:
                return self.page(request, desk.address, desk.language, "stale", 422)
            case None:
                pass
        if form.one("do") != "ask-keeper":
            # Of a page that was open while the address became a desk.
            return self.page(request, desk.address, desk.language, "stale", 422)
        with site.database.transaction() as session:
            is_asked = ask_keeper(session, subscriber_id)
        return self.page(request, desk.address, desk.language, "asked" if is_asked else "lately")


def refuse_one_click() -> Response:
    """To a one-click that somebody made by hand: a desk's mail has no header that offers it."""
    return PlainTextResponse(REFUSAL, 403, headers={"Cache-Control": "no-store"})
