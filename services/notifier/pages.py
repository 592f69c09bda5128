"""Pages without scripts: what is asked, what was recorded, and why a link does not work."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from services.notifier.approval import Approval
from services.notifier.changing.proposing import difference_of, is_on_its_way
from services.notifier.choice import NONE, Choice
from services.notifier.course import Moment
from services.notifier.inadvance.saying import ADVANCE, may_allow, may_say
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.links import Channel, Link
from services.notifier.question import Question, Said
from services.notifier.rendering import render
from services.notifier.replied import VALUE_LENGTH
from services.notifier.text import REASON_LENGTH
from shared.lifecycle import ApprovalState

_JSON: Final = "application/json"
_STYLE: Final = (Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: What nobody needs who only reads.
_SIGNATURES: Final[dict[str, bool | set[str]]] = {
    "signature": True,
    "delegation": {"signature"},
    "window": {"signature"},
}

#: Sent with every answer, page or JSON.
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


#: Of what is shown to programs: signatures, and what texts are made of.
_INSIDE: Final[dict[str, Any]] = {
    "proposal": {"signature": True, "delegation": {"signature"}},
    "changeable": {"texts"},
}


def question_page(
    question: Question,
    link: Link,
    *,
    now: datetime,
    status: int = 200,
    recorded: bool = False,
    problem: str = "",
    reason: str = "",
    given: Mapping[str, str] | None = None,
    course: Sequence[Moment] = (),
    needs_code: bool = False,
    begun: bool | None = None,
) -> HTMLResponse:
    """The question as its recipient sees it now; with forms while an answer would count.

    Args:
        question: as it is stored.
        link: the recipient's.
        now: for the time that is left.
        status: of the HTTP answer.
        recorded: whether this very request recorded an answer.
        problem: what was wrong with what was sent, for the person to put right.
        reason: what the person had written, to be kept in the form.
        given: what the person had filled in, likewise.
        course: what happened to the ticket so far.
        needs_code: whether a yes has to be confirmed by a code that was sent.
        begun: whether what was agreed to has begun; None where nobody has looked.
    """
    said = question.answer_of(link.recipient, link.channel)
    name = _kind(question)
    return page(
        f"{name}.page.html",
        status,
        question=question,
        **{name: question},
        link=link,
        said=said,
        recorded=recorded,
        superfluous=status == 409 and said is None,  # noqa: PLR2004 HTTP's "conflict"
        may_answer=said is None and question.open_at(now) and link.channel is not Channel.ROOM,
        left=question.expires_at - now,
        names=_names(question),
        problem=problem,
        reason=reason,
        reason_length=REASON_LENGTH,
        take_over=NONE,
        given=given or {},
        words=WORDS,
        value_length=VALUE_LENGTH,
        course=course,
        needs_code=needs_code,
        begun=begun,
        may_take_back=_may_take_back(question, link, now, begun=begun),
        advance=f"?{ADVANCE}",
        has_advance=may_say(link),
        may_allow=isinstance(question, Approval) and may_allow(question, link),
        **_of_changes(question, now),
    )


def _may_take_back(question: Question, link: Link, now: datetime, *, begun: bool | None) -> bool:
    """Whether this recipient is offered to take back what they said."""
    if not isinstance(question, Approval) or link.channel is Channel.ROOM:
        return False
    if question.answer_of(link.recipient, link.channel) is None:
        return False
    is_settled = question.state is ApprovalState.APPROVED
    return question.open_at(now) or (is_settled and begun is False)


def message_page(status: int, title: str, *paragraphs: str) -> HTMLResponse:
    """A page that says one thing, and nothing about any approval."""
    return page("message.page.html", status, title=title, paragraphs=paragraphs)


def told(request: Request, status: int, title: str, *paragraphs: str, error: str = "") -> Response:
    """One thing, as a page or, where that is wanted, in JSON with an ``error``."""
    if wants_json(request):
        return json_answer(status, {"error": error or title.lower()})
    return message_page(status, title, *paragraphs)


def gone(request: Request) -> Response:
    """The same answer for every token that does not work: it tells nothing to who guesses."""
    return told(
        request,
        404,
        "This link does not work",
        "It may have expired, been cut short on its way, or never have been one.",
        "Nothing was decided by opening it. If you were asked something, look for a newer "
        "mail about the same ticket.",
        error="this link does not work",
    )


def unavailable(request: Request) -> Response:
    """What is said while the database is away."""
    response = told(
        request,
        503,
        "Not now",
        "The database does not answer, so the question can be neither shown nor answered.",
        "Open the link again in a moment. It will show whether your answer was recorded.",
        error="the database does not answer; try again",
    )
    response.headers["Retry-After"] = "5"
    return response


def json_answer(status: int, content: dict[str, Any]) -> Response:
    """An answer for programs."""
    return JSONResponse(content, status_code=status, headers=SECURITY_HEADERS)


def wants_json(request: Request) -> bool:
    """Whether a program asks, rather than a browser."""
    accepted = request.headers.get("accept", "")
    return _JSON in accepted and "text/html" not in accepted


def as_json(question: Question, link: Link, *, now: datetime) -> dict[str, Any]:
    """The question as its recipient sees it now, for programs."""
    said = question.answer_of(link.recipient, link.channel)
    hidden = {"id", "trace", "decisions", "recipients", "step_hash", "digest", "routing"}
    return {
        "approval_id": str(question.id),
        **question.model_dump(mode="json", exclude=dict.fromkeys(hidden, True) | _INSIDE),
        "asked": [to.name for to in question.recipients],
        **_so_far(question),
        "decisions": [_said(answer) for answer in question.answers],
        "you": {"name": link.recipient, "answered": _said(said) if said else None},
        "open": said is None and question.open_at(now),
    }


def _kind(question: Question) -> str:
    """What a question's page is called."""
    match question:
        case Choice():
            return "choice"
        case Inquiry():
            return "inquiry"
    return "approval"


def _of_changes(question: Question, now: datetime) -> dict[str, Any]:
    """What a page says of other values that people want for a step."""
    if not isinstance(question, Approval):
        return {}
    return {
        "difference": difference_of(question),
        "is_on_its_way": is_on_its_way(question, now),
    }


def _so_far(question: Question) -> dict[str, Any]:
    match question:
        case Approval():
            return {"approvals": question.approvals}
        case Choice():
            return {"chosen": question.chosen.name if question.chosen else None}
    return {}


def _said(answer: Said) -> dict[str, Any]:
    return answer.model_dump(mode="json", exclude=_SIGNATURES)


def _names(question: Question) -> dict[str, str]:
    """How people are called on the page: by name where it is known."""
    return {to.email: to.name for to in question.recipients}


def page(template: str, status: int, **values: Any) -> HTMLResponse:
    """A template as a page, with what forbids it everything but its own style."""
    content = render(template, style=_STYLE, **values)
    return HTMLResponse(content, status_code=status, headers=SECURITY_HEADERS)
