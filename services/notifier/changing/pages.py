"""The form of a step's values, and what it would be with others before that is sent for good."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeGuard

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from services.notifier import links
from services.notifier.approval import Approval
from services.notifier.changing.proposing import Preview
from services.notifier.links import Channel, Link
from services.notifier.pages import SECURITY_HEADERS, json_answer, page, wants_json
from services.notifier.question import Question
from services.notifier.replied import VALUE_LENGTH
from services.notifier.text import REASON_LENGTH

#: A page of the query of a link's address: the same path, so that no address is made of a token.
QUERY: Final = "change"
_SEE_OTHER: Final = 303


def may_change(question: Question, link: Link, now: datetime) -> TypeGuard[Approval]:
    """Whether this recipient is offered the form."""
    return (
        isinstance(question, Approval)
        and question.changeable is not None
        and question.open_at(now)
        and question.answer_of(link.recipient, link.channel) is None
        and link.channel is not Channel.ROOM
    )


def change_page(
    approval: Approval,
    link: Link,
    *,
    status: int = 200,
    problem: str = "",
    reason: str = "",
    given: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The form, with what the person had filled in and what was wrong with it."""
    return page(
        "change.page.html",
        status,
        question=approval,
        fields=approval.changeable.fields if approval.changeable else (),
        link=link,
        names={to.email: to.name for to in approval.recipients},
        problem=problem,
        reason=reason,
        reason_length=REASON_LENGTH,
        given=given or {},
        value_length=VALUE_LENGTH,
    )


def preview_answer(
    request: Request, approval: Approval, link: Link, shown: Preview, *, reason: str
) -> Response:
    """What it would be: nothing is recorded until the same is sent with its ``confirm``."""
    if wants_json(request):
        return json_answer(200, {"outcome": "shown", **as_json(shown)})
    return page(
        "changed.page.html",
        200,
        question=approval,
        preview=shown,
        reason=reason,
        link=link,
        names={to.email: to.name for to in approval.recipients},
    )


def as_json(shown: Preview) -> dict[str, Any]:
    """What it would be, for programs."""
    return {
        "command": shown.command,
        "values": [each.model_dump() for each in shown.values],
        "differences": [
            {"title": each.title, "lines": list(each.lines)} for each in shown.differences
        ],
        "confirm": shown.confirm,
    }


def elsewhere(token: str) -> Response:
    """To the page of another link, beside this one."""
    return Response(status_code=_SEE_OTHER, headers={**SECURITY_HEADERS, "Location": token})


def token_of(question: Question, link: Link, *, key: bytes) -> str:
    """The token of another question for the recipient of a link."""
    other = Link.to(
        question.id,
        question.bound_to,
        question.expires_at,
        recipient=link.recipient,
        channel=link.channel,
    )
    return links.make(other, key=key)
