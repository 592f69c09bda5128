"""``handrail channel bounce``: hands a mail that came back to the notifier; for mail servers."""

import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

import httpx
import typer

from deploy.connection import Place
from deploy.decisions import notifier_url
from deploy.output import AsJson, say, show_json
from services.notifier.bounces.api import BODY_OCTETS, PATH
from shared.errors import HandrailError

#: What a mail server takes for `try again later` (sysexits.h).
_LATER: Final = 75
_TIMEOUT: Final = timedelta(seconds=20)


class NotTakenError(HandrailError):
    """The notifier does not know the mail that came back."""


def bounce(
    *,
    to: Annotated[
        str, typer.Option(help="To which address it was delivered; else by its headers.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take in a mail that came back, from the standard input: `handrail channel bounce < MESSAGE`.

    Exits with 75 where the notifier does not answer just now, so that a mail server tries again.
    """
    # One octet more tells that it is too long.
    raw = sys.stdin.buffer.read(BODY_OCTETS + 1)
    said = handed_in(raw, to=to, environment=os.environ)
    if as_json:
        show_json(said)
    elif said["outcome"] == "none":
        say(f"nothing to do: {said['why']}")
    else:
        known = said["outcome"] == "known"
        say("known already" if known else "recorded: the message did not arrive")


def handed_in(raw: bytes, *, to: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the notifier makes of a message.

    Raises:
        NotTakenError: it is none that came back to this installation.
        NotRunningError: it is not known where the notifier is.
        typer.Exit: it does not answer now.
    """
    url = f"{notifier_url(Place.of(environment), environment).rstrip('/')}{PATH}"
    try:
        answer = httpx.post(
            url,
            params={"to": to},
            content=raw,
            headers={"Content-Type": "message/rfc822", "Accept": "application/json"},
            timeout=_TIMEOUT.total_seconds(),
            trust_env=False,
        )
    except httpx.HTTPError as error:
        say(f"the notifier does not answer ({type(error).__name__}); try again later")
        raise typer.Exit(_LATER) from None
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        say("not just now; try again later")
        raise typer.Exit(_LATER)
    said: dict[str, Any] = answer.json()
    if not answer.is_success:
        raise NotTakenError(str(said.get("error", answer.status_code)))
    return said
