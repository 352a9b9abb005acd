"""A page as a route: a function of the request, what its path names, and its form, in a thread.

Pages wait for the database, so each runs in a thread of its own while it is made. That is all
that they need of a framework: solving dependencies anew for every request took longer than most
of these functions do.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from web.forms import read_form

Page = Callable[..., Response | Awaitable[Response]]
"""A function, which runs in a thread; or a coroutine function, for what never waits."""


class PageRoute(Route):
    """The route of a page; a scope that it matches knows it as its `route`."""

    def __init__(self, path: str, page: Page, *methods: str, threads: Executor) -> None:
        super().__init__(path, _Turn(page, threads), methods=methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this page."""
        match, child = super().matches(scope)
        if match is not Match.NONE:
            child["route"] = self
        return match, child


class _Turn:
    """One page as an ASGI application.

    A parameter called `form` is given the posted form; one with a default the query's value of
    its name, if there is any; the others what the path holds.
    """

    def __init__(self, page: Page, threads: Executor) -> None:
        parameters = inspect.signature(page).parameters
        self._page: Callable[..., Any] = page
        self._never_waits = inspect.iscoroutinefunction(page)
        self._threads = threads
        self._has_form = "form" in parameters
        self._asked = [
            name for name, one in parameters.items() if one.default is not inspect.Parameter.empty
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        arguments: dict[str, Any] = {"request": request, **request.path_params}
        for name in self._asked:
            if name in request.query_params:
                arguments[name] = request.query_params[name]
        if self._has_form:
            arguments["form"] = await read_form(request)
        response: Response
        if self._never_waits:
            response = await self._page(**arguments)
        else:
            page = functools.partial(self._page, **arguments)
            response = await asyncio.get_running_loop().run_in_executor(self._threads, page)
        await response(scope, receive, send)
