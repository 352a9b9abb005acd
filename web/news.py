"""`/r/SLUG`, `/feed.atom` and `/`: releases on the web, as soon as they are public."""

import hashlib

from fastapi import Request
from starlette.responses import Response

from releases.published import newest, published
from releases.rendering import shown_kind
from releases.templating import body_html, release_direction
from runtime.i18n import words
from web.feed import atom
from web.languages import accepted_language
from web.pages import Site

PUBLIC_SECONDS = 60
PUBLIC_HEADERS = {"Cache-Control": f"public, max-age={PUBLIC_SECONDS}", "X-Robots-Tag": "all"}


class NewsPages:
    """What everybody may read."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def release(self, request: Request, slug: str) -> Response:
        """A release; the same answer before it is public as if there were none."""
        if "\x00" in slug:  # which PostgreSQL takes for an error, and nothing is called
            return self._site.error(request, 404)
        with self._site.database.reading() as session:
            found = published(session, slug)
        if found is None:
            return self._site.error(request, 404)
        content = found.content
        accepted = accepted_language(request.headers.get("accept-language", ""))
        ours = words(content.language or accepted)
        return self._site.page(
            request,
            "release.html",
            ours,
            headers=PUBLIC_HEADERS | {"Vary": "Accept-Language"},
            content=content,
            body=body_html(content),
            release_direction=release_direction(content),
            kind_label=shown_kind(content, ours),
            kind_is_ours=not content.kind_label,
            is_one_tongue=(content.language or "").lower().split("-")[0] == ours.language,
            url=self._site.links.release_url(slug),
        )

    def index(self, request: Request) -> Response:
        """The newest releases, for whoever comes without a link."""
        ours = self._site.words_of(request)
        with self._site.database.reading() as session:
            found = newest(session)
        return self._site.page(
            request,
            "index.html",
            ours,
            headers=PUBLIC_HEADERS | {"Vary": "Accept-Language"},
            releases=[(one, shown_kind(one.content, ours)) for one in found],
            zone=self._site.settings.zone,
        )

    def feed(self, request: Request) -> Response:
        """The newest releases as an Atom feed (RFC 4287)."""
        with self._site.database.reading() as session:
            found = newest(session)
        document = atom(found, self._site.links, self._site.office)
        tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
        headers = {
            "Cache-Control": PUBLIC_HEADERS["Cache-Control"],
            "ETag": tag,
            "X-Content-Type-Options": "nosniff",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(document, media_type="application/atom+xml", headers=headers)

    def style_sheet(self, name: str, request: Request) -> Response:
        """The pages' style sheet, under a name that changes with it."""
        if self._site.style_sheet_path != f"/static/{name}":
            return self._site.error(request, 404)
        return Response(
            self._site.style_sheet,
            media_type="text/css",
            headers={
                "Cache-Control": "public, max-age=31536000, immutable",
                "X-Content-Type-Options": "nosniff",
            },
        )
