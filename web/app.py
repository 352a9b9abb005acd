"""The application: every path, and what stands before it."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from runtime.database import Database
from runtime.settings import Settings
from web.attendant import Attendant
from web.confirmations import ConfirmationPages
from web.desks import DeskPages
from web.news import NewsPages
from web.operations import Metrics, OperationPages
from web.outbox import OutboxPages
from web.pages import Site, make_site
from web.preferences import PreferencePages
from web.routes import Page, PageRoute
from web.security import BodyLimit, HostCheck, Proxies
from web.subscribe import SubscribePages
from web.turns import Turns
from web.unsubscribe import UnsubscribePages
from worker.outbox import Outbox
from worker.outbox_host import outbox_folder

READ = ("GET", "HEAD")


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The pages of one installation; makes no connection by itself."""
    site = make_site(settings, database)
    metrics = Metrics(database)
    app = FastAPI(
        title="Medianote",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Its spans and logs name paths, and paths hold tokens.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.router.redirect_slashes = False
    app.state.metrics = metrics
    app.state.site = site
    app.state.turns = Turns()
    _add_pages(app, site)
    if settings.has_local_outbox:
        _add_outbox(app, OutboxPages(site, Outbox(outbox_folder(settings))))
    _add_errors(app, site)
    # The last one added stands outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(HostCheck, base_url=settings.public_url)
    app.add_middleware(Proxies, trusted=settings.proxy_networks)
    app.add_middleware(Attendant, site=site, metrics=metrics)
    return app


def _add_pages(app: FastAPI, site: Site) -> None:
    unsubscribe, preferences = UnsubscribePages(site), PreferencePages(site)
    desks = DeskPages(site)
    news, operations = NewsPages(site), OperationPages(site.database)
    _add(app, "/u/{token}", unsubscribe.show, *READ)
    _add(app, "/u/{token}", unsubscribe.post, "POST")
    _add(app, "/p/{token}", preferences.show, *READ)
    _add(app, "/p/{token}", preferences.post, "POST")
    _add(app, "/p/{token}/desk", desks.show, *READ)
    _add(app, "/p/{token}/desk", desks.post, "POST")
    confirmations, subscribe = ConfirmationPages(site), SubscribePages(site)
    _add(app, "/c/{token}", confirmations.show, *READ)
    _add(app, "/c/{token}", confirmations.post, "POST")
    _add(app, "/subscribe", subscribe.show, *READ)
    _add(app, "/subscribe", subscribe.post, "POST")
    _add(app, "/r/{slug}", news.release, *READ)
    _add(app, "/feed.atom", news.feed, *READ)
    _add(app, "/static/{name}", news.style_sheet, *READ)
    _add(app, "/", news.index, *READ)
    _add(app, "/healthz", operations.health, *READ)
    _add(app, "/readyz", operations.ready, *READ)


def _add_outbox(app: FastAPI, outbox: OutboxPages) -> None:
    _add(app, "/outbox", outbox.list, *READ)
    _add(app, "/outbox/{key}", outbox.mail, *READ)
    _add(app, "/outbox/{key}/frame", outbox.frame, *READ)


def _add(app: FastAPI, path: str, page: Page, *methods: str) -> None:
    app.router.routes.append(PageRoute(path, page, *methods, turns=app.state.turns))


def _add_errors(app: FastAPI, site: Site) -> None:
    """Whatever routing refuses is a page like any other."""

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = _allowed(app, request)
        return site.error(request, error.status_code, headers)

    def misread(request: Request, error: Exception) -> Response:  # noqa: ARG001 (signature)
        return site.error(request, 400)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, misread)


def _allowed(app: FastAPI, request: Request) -> str:
    """Every method of the path, whichever of its routes was met first."""
    methods: set[str] = set()
    for route in app.routes:
        match, _ = route.matches(request.scope)
        if match.value:
            methods |= getattr(route, "methods", set())
    return ", ".join(sorted(methods))
