"""Around every request: its line in the log, its count, and a page when something goes wrong.

A token stands in the path, so paths are never written anywhere: the route's template is.
"""

import time
from typing import Any, Final

import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.database import DATABASE_IS_AWAY, plain_reason
from runtime.logging import get_logger
from web.operations import Metrics
from web.pages import Site

NO_ROUTE: Final = "(none)"
NO_DATABASE: Final = (*DATABASE_IS_AWAY, sa.exc.TimeoutError)
log = get_logger("web")


class Attendant:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, *, site: Site, metrics: Metrics) -> None:
        self._app = app
        self._site = site
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except Exception as error:
            if status:
                raise  # half of an answer is out: the server closes the connection
            page = self._page(Request(scope), error)
            await page(scope, receive, send_watched)
        finally:
            seconds = time.perf_counter() - began
            method, route = known_method(scope["method"]), template(scope)
            self._metrics.observe(method, route, status, seconds)
            log.info(
                "request", method=method, route=route, status=status, ms=round(seconds * 1000, 1)
            )

    def _page(self, request: Request, error: Exception) -> Any:
        match error:
            case HTTPException():
                return self._site.error(request, error.status_code, error.headers)
            case ClientDisconnect():
                return self._site.error(request, 400)  # nobody is there to read it
            case _ if isinstance(error, NO_DATABASE):
                log.warning("no_database", why=plain_reason(error))
                return self._site.error(request, 503, {"Retry-After": "30"})
            case _:
                log.error("fault", route=template(request.scope), exc_info=error)
                return self._site.error(request, 500)


def template(scope: Scope) -> str:
    """The template of the request's route, such as `/u/{token}`."""
    return getattr(scope.get("route"), "path", NO_ROUTE)


def known_method(method: str) -> str:
    """The method, or `OTHER`: a label must not grow with what strangers make up."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
    return method if method in known else "OTHER"
