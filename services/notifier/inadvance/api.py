"""The page behind a link where its recipient says something in advance; GET shows, POST says it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.notifier import links
from services.notifier.approval import Approval
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.audit.entry import Action, Origin
from services.notifier.codes.codes import CodeNeededError, Codes, Purpose
from services.notifier.door import Door, guarded
from services.notifier.inadvance.saying import (
    ALLOWED,
    AWAY,
    NOT_ALLOWED,
    InAdvance,
    may_allow,
    may_say,
)
from services.notifier.links import BadLinkError, Link
from services.notifier.pages import gone, json_answer, page, unavailable, wants_json
from services.notifier.posted import BadAnswerError, Posted, posted
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.durations import duration, spoken
from shared.errors import UnavailableError
from shared.events import Delegation, Window
from shared.standing.making import UnfitWordError


class PostedWord(Posted):
    """What is to hold from now on, or no more."""

    do: Literal["delegate", "allow", "end"]
    to: str = Field("", max_length=320)
    span: str = Field("", max_length=20)
    id: UUID | None = None
    code: str | None = Field(None, max_length=20)

    @property
    def lasts(self) -> timedelta:
        """How long it holds.

        Raises:
            BadAnswerError: it does not say.
        """
        try:
            return duration(self.span)
        except ValueError as error:
            raise BadAnswerError(422, str(error)) from error


@dataclass(frozen=True)
class _Said:
    """What came of a request, and what the page has to ask for next."""

    status: int = 200
    done: str = ""
    problem: str = ""
    pending: PostedWord | None = None


def advance_links(
    desk: WitnessedDesk,
    in_advance: InAdvance,
    codes: Codes,
    *,
    key: bytes,
    now: Callable[[], datetime],
    door: Door,
) -> APIRouter:
    """The routes."""
    router = APIRouter(route_class=guarded(door))

    async def found(token: str) -> tuple[Link, Question]:
        link = links.read(token, key=key, now=now())
        question = await desk.find(link)
        if question is None or not may_say(link):
            raise BadLinkError("nothing can be said in advance by this link")
        return link, question

    @router.get("/a/{token}/advance")
    async def show(token: str, request: Request) -> Response:
        """Show what the recipient has said in advance, and what may be said."""
        try:
            link, question = await found(token)
            await desk.saw(Action.VIEWED, question, link, Origin.of(request), "in advance")
            return await _shown(in_advance, request, link, question, _Said())
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)

    @router.post("/a/{token}/advance")
    async def say(token: str, request: Request) -> Response:
        """Record what the recipient says in advance, or takes back."""
        try:
            link, question = await found(token)
            said = await _said(in_advance, codes, link, question, request)
            if said.done:
                detail = said.done
                await desk.saw(Action.IN_ADVANCE, question, link, Origin.of(request), detail)
            return await _shown(in_advance, request, link, question, said)
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)

    return router


async def _shown(
    in_advance: InAdvance, request: Request, link: Link, question: Question, said: _Said
) -> Response:
    words = await in_advance.mine(link)
    if wants_json(request):
        return json_answer(said.status, _as_json(words, said))
    me = Recipient(name=link.recipient, email=link.recipient)
    return page(
        "inadvance.page.html",
        said.status,
        question=question,
        token=request.path_params["token"],
        me=next((to for to in question.recipients if to.email == link.recipient), me),
        others=in_advance.others(link),
        names={one.email.lower(): one.name for one in in_advance.people},
        may_allow=isinstance(question, Approval) and may_allow(question, link),
        delegations=[one for one in words if isinstance(one, Delegation)],
        windows=[one for one in words if isinstance(one, Window)],
        away=[(spoken(each), _told(each)) for each in AWAY],
        allowed=[(spoken(each), _told(each)) for each in ALLOWED],
        spoken={spoken(each): _told(each) for each in (*AWAY, *ALLOWED)},
        said=said,
    )


async def _said(
    in_advance: InAdvance, codes: Codes, link: Link, question: Question, request: Request
) -> _Said:
    pending: PostedWord | None = None
    try:
        word = await posted(request, PostedWord)
        pending = word.model_copy(update={"code": None})
        if word.do == "allow" and not (
            isinstance(question, Approval) and may_allow(question, link)
        ):
            # Before a code is sent for what it would not help.
            return _Said(422, problem=NOT_ALLOWED)
        if word.do != "end" and codes.wanted(link):
            await codes.confirmed(question, link, Purpose.IN_ADVANCE, word.code)
        return await _done(in_advance, link, question, word)
    except CodeNeededError as error:
        return _Said(403, problem=str(error), pending=pending)
    except UnfitWordError as error:
        return _Said(422, problem=str(error))
    except BadAnswerError as error:
        return _Said(error.status, problem=str(error))


async def _done(in_advance: InAdvance, link: Link, question: Question, word: PostedWord) -> _Said:
    match word.do:
        case "delegate":
            made = await in_advance.hand_over(
                question, link, word.to, word.lasts, reason=word.reason
            )
            return _Said(done=f"{made.to} answers for {made.of} for {_told(word.lasts)}")
        case "allow" if isinstance(question, Approval):
            window = await in_advance.allow(question, link, word.lasts)
            return _Said(
                done=f"{window.runbook}: steps up to {window.risk} risk have your yes for "
                f"{_told(word.lasts)}"
            )
        case "end" if word.id is not None and await in_advance.end(link, word.id):
            return _Said(done="that holds no more")
    return _Said(422, problem="there is nothing like that to say, or to end")


def _told(span: timedelta) -> str:
    hours = int(span.total_seconds()) // 3600
    number, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _as_json(words: list[Delegation | Window], said: _Said) -> dict[str, object]:
    told = [
        {"kind": word.kind, **word.model_dump(mode="json", exclude={"signature"})} for word in words
    ]
    result: dict[str, object] = {"in_advance": told}
    if said.done:
        result["done"] = said.done
    if said.problem:
        result["error"] = said.problem
    if said.pending is not None:
        result["code"] = "needed"
    return result
