"""Where a mail server hands bounces in."""

from typing import Final

import structlog
from fastapi import APIRouter, Request, Response

from services.notifier.bounces.report import NoBounceError, bounce_in
from services.notifier.bounces.taking import Bounces
from services.notifier.links import BadLinkError
from services.notifier.pages import json_answer
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

PATH: Final = "/mail/bounces"
#: A notification has the mail that came back with it, or its headers.
BODY_OCTETS: Final = 256 * 1024


def bounce_route(bounces: Bounces) -> APIRouter:
    """The route; what came to an address of ours needs no other proof.

    It is not behind the door: when a domain is gone, many mails come back at once, and nobody
    guesses an address by trying.
    """
    router = APIRouter()

    @router.post(PATH)
    async def take(request: Request, to: str = "") -> Response:
        """A message as it came, with the address that it was delivered to where that is known."""
        raw = bytearray()
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > BODY_OCTETS:
                return json_answer(413, {"error": "the message is too long"})
        try:
            outcome = await bounces.take(bounce_in(bytes(raw), to=to))
        except NoBounceError as error:
            return json_answer(200, {"outcome": "none", "why": str(error)})
        except BadLinkError:
            return json_answer(404, {"error": "no mail of this installation came back there"})
        except UnavailableError as error:
            log.warning("bounce.delayed", reason=str(error))
            return json_answer(503, {"error": str(error)})
        return json_answer(200, {"outcome": outcome.value})

    return router
