"""The links to questions: GET shows, POST decides; for browsers and, on request, in JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from services.notifier import links
from services.notifier.approval import Approval
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.audit.entry import Action, Origin
from services.notifier.changing.pages import (
    QUERY,
    change_page,
    elsewhere,
    may_change,
    preview_answer,
    token_of,
)
from services.notifier.changing.posted import PostedDecision
from services.notifier.changing.proposing import NOTHING, Preview, preview
from services.notifier.choice import Choice
from services.notifier.codes.codes import Codes
from services.notifier.codes.confirming import CODE, confirm, confirm_again
from services.notifier.course import Courses
from services.notifier.door import Door, guarded
from services.notifier.inadvance.saying import ADVANCE
from services.notifier.inquiry import Inquiry
from services.notifier.links import BadLinkError, Link
from services.notifier.pages import (
    as_json,
    gone,
    json_answer,
    question_page,
    unavailable,
    wants_json,
)
from services.notifier.posted import BadAnswerError, PostedAnswer, PostedChoice, Wish, posted
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotAsked,
    NotOffered,
    Question,
    Recorded,
    Refused,
    TooLate,
)
from services.notifier.replied import PostedReply, values_in
from services.notifier.text import REASON_LENGTH
from shared.errors import UnavailableError
from shared.runbook.changing import UnfitChangeError


@dataclass(frozen=True)
class Shown:
    """Other values that somebody wants, shown and not sent yet."""

    approval: Approval
    preview: Preview
    reason: str


Counted = Recorded[Approval] | Recorded[Choice] | Recorded[Inquiry]


def question_links(
    desk: WitnessedDesk,
    *,
    key: bytes,
    now: Callable[[], datetime],
    door: Door,
    courses: Courses,
    codes: Codes | None = None,
) -> APIRouter:
    """The routes of the links."""
    router = APIRouter(route_class=guarded(door))

    @router.get("/a/{token}")
    async def show(token: str, request: Request) -> Response:
        """Show what is asked; whatever follows the link, nothing is decided by it."""
        try:
            link, question = await _found(desk, token, key, now())
            await desk.saw(Action.VIEWED, question, link, Origin.of(request))
            following = await desk.next_of(question)
            begun = await desk.has_begun(question)
            course = await courses.of(question.ticket_id)
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)
        after = token_of(following, link, key=key) if following is not None else ""
        if wants_json(request):
            return json_answer(200, {**as_json(question, link, now=now()), "next": after or None})
        if ADVANCE in request.query_params or after:
            return elsewhere(after or f"{token}/{ADVANCE}")
        if QUERY in request.query_params and may_change(question, link, now()):
            return change_page(question, link)
        return question_page(question, link, now=now(), course=course, begun=begun)

    @router.post("/a/{token}")
    async def answer(token: str, request: Request) -> Response:
        """Record the recipient's answer, once."""
        try:
            link, question = await _found(desk, token, key, now())
            await desk.saw(Action.CLICKED, question, link, Origin.of(request))
            return await _answered(desk, link, question, request, now, codes=codes)
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)

    return router


async def _found(
    desk: WitnessedDesk, token: str, key: bytes, now: datetime
) -> tuple[Link, Question]:
    link = links.read(token, key=key, now=now)
    question = await desk.find(link)
    if question is None:
        raise BadLinkError("the link leads to no question")
    return link, question


async def _answered(
    desk: WitnessedDesk,
    link: Link,
    question: Question,
    request: Request,
    now: Callable[[], datetime],
    *,
    codes: Codes | None,
) -> Response:
    try:
        outcome = await _outcome(desk, link, question, request, codes)
    except BadAnswerError as error:
        return _refused(request, question, link, now(), error)
    if isinstance(outcome, Shown):
        return preview_answer(
            request, outcome.approval, link, outcome.preview, reason=outcome.reason
        )
    current = await desk.find(link)
    match outcome:
        case Recorded():
            status, name = 200, "recorded"
        case AlreadyAnswered():
            status, name = 409, "already_answered"
        case AlreadyDecided():
            status, name = 409, "already_decided"
        case Expired():
            raise BadLinkError("the time to answer is over")
    if current is None:
        raise BadLinkError("the question is gone")
    if wants_json(request):
        return json_answer(status, {"outcome": name, **as_json(current, link, now=now())})
    recorded = isinstance(outcome, Recorded)
    if recorded and isinstance(current, Approval) and current.proposal is not None:
        # Where it goes on to the new question, and sends nothing twice.
        return elsewhere(request.path_params["token"])
    return question_page(current, link, now=now(), status=status, recorded=recorded)


async def _outcome(
    desk: WitnessedDesk, link: Link, question: Question, request: Request, codes: Codes | None
) -> Counted | TooLate | Shown:
    """What an answer comes to; that it is none is written down."""
    try:
        return await _judged(desk, link, question, request, codes)
    except BadAnswerError as error:
        if not error.is_witnessed:
            await desk.saw(Action.REFUSED, question, link, Origin.of(request), str(error))
        raise


async def _judged(
    desk: WitnessedDesk, link: Link, question: Question, request: Request, codes: Codes | None
) -> Counted | TooLate | Shown:
    outcome: Counted | Refused | Shown
    form: dict[str, str] = {}
    origin = Origin.of(request)
    match question:
        case Approval():
            kind = PostedDecision if question.changeable else PostedAnswer
            said = await posted(request, kind)
            form = said.as_form() if isinstance(said, PostedDecision) else {}
            await confirm(codes, question, link, said)
            outcome = await _about_step(desk, link, question, said, origin)
        case Choice():
            chosen = await posted(request, PostedChoice)
            outcome = await desk.choose(
                question, link, chosen.runbook, reason=chosen.reason, origin=origin
            )
        case Inquiry():
            replied = await posted(request, PostedReply)
            form = {f"value.{name}": value for name, value in replied.values.items()}
            await confirm_again(codes, question, link, replied, form)
            outcome = await _replied(desk, link, question, replied, origin)
        case _:
            raise BadLinkError("nothing can be answered here")
    match outcome:
        case NotAsked(reason=reason):
            raise BadAnswerError(
                403, reason, reason=form.get("reason", ""), form=form, is_witnessed=True
            )
        case NotOffered(reason=reason):
            raise BadAnswerError(
                422, reason, reason=form.get("reason", ""), form=form, is_witnessed=True
            )
        case _:
            return outcome


async def _about_step(
    desk: WitnessedDesk, link: Link, approval: Approval, said: PostedAnswer, origin: Origin
) -> Recorded[Approval] | Refused | Shown:
    if not isinstance(said.decision, Wish):
        return await desk.answer(approval, link, said.decision, reason=said.reason, origin=origin)
    if not isinstance(said, PostedDecision):
        return NotOffered(NOTHING)
    return await _changed(desk, link, approval, said, origin)


async def _changed(
    desk: WitnessedDesk, link: Link, approval: Approval, said: PostedDecision, origin: Origin
) -> Recorded[Approval] | Refused | Shown:
    """Show the change, or send it where exactly this one has been shown."""
    try:
        shown = preview(approval, said.values)
    except UnfitChangeError as error:
        return NotOffered(str(error))
    if approval.open_at(desk.now()) and said.confirm != shown.confirm:
        return Shown(approval, shown, said.reason)
    wanted = {each.name: each.new for each in shown.values}
    return await desk.propose(approval, link, wanted, reason=said.reason, origin=origin)


async def _replied(
    desk: WitnessedDesk, link: Link, inquiry: Inquiry, said: PostedReply, origin: Origin
) -> Recorded[Inquiry] | Refused:
    if said.refuse:
        return await desk.refuse(inquiry, link, reason=said.reason, origin=origin)
    return await desk.reply(inquiry, link, said.values, origin=origin)


def _refused(
    request: Request, question: Question, link: Link, now: datetime, error: BadAnswerError
) -> Response:
    if wants_json(request):
        needed = {CODE: "needed"} if CODE in error.form else {}
        return json_answer(error.status, {"error": str(error), **needed})
    if error.form.get("decision") == Wish.CHANGE and may_change(question, link, now):
        return change_page(
            question,
            link,
            status=error.status,
            problem=str(error),
            reason=error.reason[:REASON_LENGTH],
            given=values_in(error.form),
        )
    return question_page(
        question,
        link,
        now=now,
        status=error.status,
        problem=str(error),
        reason=error.reason[:REASON_LENGTH],
        given=values_in(error.form),
        needs_code=CODE in error.form,
    )
