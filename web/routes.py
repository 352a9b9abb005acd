"""A page as a route: a function of the request, what its path names, and its form, in a thread.

Pages wait for the database, so each runs in a thread of its own while it is made. That is all
that they need of a framework: solving dependencies anew for every request took longer than most
of these functions do.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from web.forms import read_form
from web.turns import Turns

PASTED: Final = ".,;:!?>)]}\"'”’»"
"""What stands behind a link in a sentence, and is copied with it; no token of ours ends so."""
Page = Callable[..., Response | Awaitable[Response]]
"""A function, which runs in a thread; or a coroutine function, for what never waits."""


class PageRoute(Route):
    """The route of a page; a scope that it matches knows it as its `route`."""

    def __init__(self, path: str, page: Page, *methods: str, turns: Turns) -> None:
        super().__init__(path, _Made(page, turns), methods=methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this page."""
        match, child = super().matches(scope)
        if match is not Match.NONE:
            child["route"] = self
        return match, child


class _Made:
    """One page as an ASGI application.

    A parameter called `form` is given the posted form; one with a default the query's value of
    its name, if there is any; the others what the path holds.
    """

    def __init__(self, page: Page, turns: Turns) -> None:
        parameters = inspect.signature(page).parameters
        self._page: Callable[..., Any] = page
        self._never_waits = inspect.iscoroutinefunction(page)
        self._turns = turns
        self._has_form = "form" in parameters
        self._asked = [
            name for name, one in parameters.items() if one.default is not inspect.Parameter.empty
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        arguments: dict[str, Any] = {"request": request, **request.path_params}
        if "token" in arguments:
            arguments["token"] = arguments["token"].rstrip(PASTED)
        for name in self._asked:
            if name in request.query_params:
                arguments[name] = request.query_params[name]
        if self._has_form:
            arguments["form"] = await read_form(request)
        response: Response
        if self._never_waits:
            response = await self._page(**arguments)
        else:
            response = await self._turns.take(functools.partial(self._page, **arguments))
        await response(scope, receive, send)
