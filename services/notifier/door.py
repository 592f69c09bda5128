"""The door to the pages: nobody comes in too often, and no other site sends anybody in."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.notifier.pages import told
from shared.visitors import Counts, address_of

#: How many requests one link takes in a window, and how many wrong links one address may try.
OF_A_LINK: Final = 60
WRONG_LINKS: Final = 30
WINDOW: Final = timedelta(minutes=1)

_READING: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_HSTS: Final = f"max-age={int(timedelta(days=365).total_seconds())}"
_NOT_FOUND: Final = 404

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Door:
    """Counts requests in this process, and refuses those that are too many or come from elsewhere.

    This machine itself is not counted by its address: commands, or a proxy that hides who comes.
    """

    def __init__(self, public_url: str, now: Callable[[], datetime]) -> None:
        self._public = urlsplit(public_url)
        self._counts = Counts(WINDOW, now)

    def refusal(self, request: Request) -> Response | None:
        """What is said to a request that does not get through."""
        if self._too_many(request):
            return self._too_often(request)
        if request.method not in _READING and self._is_foreign(request):
            return told(
                request,
                403,
                "Nothing was recorded",
                "This answer was sent from the page of another site. Open the link itself, and "
                "answer there.",
            )
        return None

    def passed(self, request: Request, response: Response) -> Response:
        """The answer on its way out; a link that did not work is counted."""
        address = address_of(request)
        if response.status_code == _NOT_FOUND and address:
            self._counts.add(f"wrong {address}")
        if self._public.scheme == "https":
            response.headers["Strict-Transport-Security"] = _HSTS
        return response

    def _too_many(self, request: Request) -> bool:
        return (
            self._counts.add(f"link {request.url.path}") > OF_A_LINK
            or self._counts.of(f"wrong {address_of(request)}") >= WRONG_LINKS
        )

    def _too_often(self, request: Request) -> Response:
        response = told(
            request, 429, "Too often", "Too many requests came from there. Wait for a minute."
        )
        response.headers["Retry-After"] = str(self._counts.seconds_left)
        return response

    def _is_foreign(self, request: Request) -> bool:
        """Whether a browser says that the page of another site sent this.

        A page that tells no referrer sends the origin `null`, so that says nothing.
        """
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return True
        origin = request.headers.get("origin", "null")
        own = {self._public.netloc, request.headers.get("host", "")}
        return origin != "null" and urlsplit(origin).netloc not in own


def guarded(door: Door) -> type[APIRoute]:
    """The class of routes behind a door."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def behind(request: Request) -> Response:
                refused = door.refusal(request)
                return door.passed(request, refused or await handle(request))

            return behind

    return Guarded
