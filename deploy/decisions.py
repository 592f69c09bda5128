"""A person's answer from the terminal, given to the notifier over a link made for them."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from pydantic import SecretStr

from deploy.connection import NotRunningError, Place, reading
from deploy.person import person
from services.notifier.approval import Approval
from services.notifier.choice import NONE, Choice
from services.notifier.inquiry import Inquiry
from services.notifier.links import Channel, Link, url
from services.notifier.question import Question
from shared.errors import HandrailError, SettingsError
from shared.events import Answer
from shared.signing import Signer

_TIMEOUT: Final = timedelta(seconds=10)
_LINK_LASTS: Final = timedelta(minutes=1)


class NotDecidedError(HandrailError):
    """The answer does not count; says why."""


async def decide(
    place: Place,
    prefix: str,
    answer: Answer,
    *,
    reason: str,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Answer a request for approval as the person at this terminal; the approval as it became.

    Raises:
        SettingsError: the installation's secret is not known here.
        NotFoundError: there is no such approval, or there are several.
        NotDecidedError: the answer was not taken.
        NotRunningError: the notifier does not answer.
    """
    question = await _asked(place, prefix)
    if not isinstance(question, Approval):
        raise NotDecidedError(_asks(question))
    said = {"decision": answer.value, "reason": reason}
    return await _answered(place, question, said, environment)


async def look_at_change(
    place: Place,
    prefix: str,
    values: Mapping[str, str],
    *,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """What a step would be with other values, and what confirms that; nothing is sent.

    Raises:
        SettingsError: see ``decide``, as for the others.
        NotFoundError: see there.
        NotDecidedError: it cannot have these values.
        NotRunningError: see there.
    """
    shown = await _wish(place, prefix, {"values": dict(values)}, environment)
    if "confirm" not in shown:
        raise NotDecidedError(f"it is {shown.get('state')} already")
    return shown


async def send_change(
    place: Place,
    prefix: str,
    values: Mapping[str, str],
    *,
    reason: str,
    confirm: str,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Have a step asked about anew with what was looked at; the approval as it became.

    Raises:
        SettingsError: see ``look_at_change``, as for the others.
        NotFoundError: see there.
        NotDecidedError: see there.
        NotRunningError: see there.
    """
    said = {"values": dict(values), "reason": reason, "confirm": confirm}
    sent = await _wish(place, prefix, said, environment)
    if sent.get("outcome") != "recorded":
        raise NotDecidedError("the step has changed since you looked: look again")
    return sent


async def _wish(
    place: Place, prefix: str, said: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    question = await _asked(place, prefix)
    if not isinstance(question, Approval):
        raise NotDecidedError(_asks(question))
    return await _answered(place, question, {"decision": "change", **said}, environment)


async def choose(
    place: Place,
    prefix: str,
    name: str,
    *,
    reason: str,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Choose a runbook, or ``none``, as the person at this terminal; the choice as it became.

    Raises:
        SettingsError: see ``decide``, as for the others.
        NotFoundError: see there.
        NotDecidedError: see there.
        NotRunningError: see there.
    """
    question = await _asked(place, prefix)
    if not isinstance(question, Choice):
        raise NotDecidedError(_asks(question))
    named = any(option.name == name for option in question.options)
    chosen = NONE if name.upper() == NONE and not named else name
    return await _answered(place, question, {"choose": chosen, "reason": reason}, environment)


async def fill_in(
    place: Place,
    prefix: str,
    values: Mapping[str, str],
    *,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Answer what a session wants to know, as the person at this terminal; it as it became.

    Raises:
        SettingsError: see ``decide``, as for the others.
        NotFoundError: see there.
        NotDecidedError: see there.
        NotRunningError: see there.
    """
    question = await _inquiry(place, prefix)
    return await _answered(place, question, {"values": dict(values)}, environment)


async def refuse(
    place: Place, prefix: str, *, reason: str, environment: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Say that nobody answers what a session wants to know; see ``fill_in``."""
    question = await _inquiry(place, prefix)
    return await _answered(place, question, {"refuse": True, "reason": reason}, environment)


async def _inquiry(place: Place, prefix: str) -> Inquiry:
    question = await _asked(place, prefix)
    if not isinstance(question, Inquiry):
        raise NotDecidedError(_asks(question))
    return question


def _asks(question: Question) -> str:
    """What a question asks for, where it was answered as another kind."""
    match question:
        case Choice():
            return "it asks which runbook to use: say `handrail approvals choose`"
        case Inquiry():
            return "it asks for something else: say `handrail approvals answer`"
    return "it asks for a yes or a no: say `handrail approvals approve`"


async def _asked(place: Place, prefix: str) -> Question:
    async with reading(place) as reader:
        return await reader.approval(prefix)


async def _answered(
    place: Place, question: Question, said: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    link = _link(place, question, environment)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT.total_seconds(), trust_env=False) as client:
            response = await client.post(link, json=said, headers={"accept": "application/json"})
    except httpx.HTTPError as error:
        # Not the error's text: it may have the link in it.
        where = notifier_url(place, environment)
        raise NotRunningError(
            f"the notifier does not answer at {where} ({type(error).__name__})",
        ) from None
    return _taken(response, question)


def _link(place: Place, question: Question, environment: Mapping[str, str]) -> str:
    secret = place.home.known_secret_key(environment)
    if secret is None:
        raise SettingsError("HANDRAIL_SECRET_KEY: is not set; answers are signed with it")
    link = Link.to(
        question.id,
        question.bound_to,
        # A yes may be taken back after the time to answer, until the step begins.
        max(question.expires_at, datetime.now(UTC) + _LINK_LASTS),
        recipient=person(),
        channel=Channel.TERMINAL,
    )
    key = Signer(SecretStr(secret)).link_key()
    return url(link, key=key, public_url=notifier_url(place, environment))


def notifier_url(place: Place, environment: Mapping[str, str] = os.environ) -> str:
    """Where the notifier answers.

    Raises:
        NotRunningError: it is not known.
    """
    if place.run:
        return place.run.services["notifier"].url
    if named := environment.get("HANDRAIL_PUBLIC_URL"):
        return named
    raise place.missing("HANDRAIL_PUBLIC_URL")


def _taken(response: httpx.Response, question: Question) -> dict[str, Any]:
    try:
        said: dict[str, Any] = response.json()
    except ValueError:
        raise NotDecidedError(f"the notifier answered {response.status_code}") from None
    if response.is_success:
        return said
    match said.get("outcome"):
        case "already_answered":
            raise NotDecidedError(
                "you have answered already, and that stands; "
                "`handrail approvals withdraw` takes it back"
            )
        case "already_decided":
            raise NotDecidedError(f"it is {said.get('state')} already")
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotDecidedError(f"the notifier does not take it: {_why_not(question)}")
    raise NotDecidedError(str(said.get("error", response.status_code)))


def _why_not(question: Question) -> str:
    kind = _kind(question)
    if question.state.value != "pending":
        return f"the {kind} is {question.state}"
    return f"the {kind} has expired, or the notifier has another HANDRAIL_SECRET_KEY"


def _kind(question: Question) -> str:
    match question:
        case Choice():
            return "choice"
        case Inquiry():
            return "question"
    return "approval"
