"""The links for feedback: GET shows the form, POST records what is said, also a second time."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.notifier.door import Door, guarded
from services.notifier.feedback.feedback import Feedback, FeedbackLinks, PostedFeedback
from services.notifier.feedback.giving import record
from services.notifier.feedback.store import Feedbacks
from services.notifier.links import BadLinkError, Link
from services.notifier.pages import gone, json_answer, page, told, unavailable, wants_json
from services.notifier.posted import BadAnswerError, posted
from services.notifier.text import REASON_LENGTH
from shared.errors import UnavailableError

#: What a ticket is called.
TitleOf = Callable[[UUID], Awaitable[str]]


def feedback_links(
    feedbacks: Feedbacks,
    links: FeedbackLinks,
    title_of: TitleOf,
    *,
    now: Callable[[], datetime],
    door: Door,
) -> APIRouter:
    """The routes of the links."""
    router = APIRouter(route_class=guarded(door))

    @router.get("/f/{token}")
    async def show(token: str, request: Request) -> Response:
        """Show the form, with what was said before."""
        try:
            link = links.read(token, now=now())
            said = await feedbacks.find(link.approval_id, link.recipient)
            return _shown(request, link, said, title=await title_of(link.approval_id))
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)

    @router.post("/f/{token}")
    async def give(token: str, request: Request) -> Response:
        """Record what the recipient says."""
        try:
            link = links.read(token, now=now())
            said = await _given(request, link, now())
            await record(feedbacks, said)
            title = await title_of(link.approval_id)
        except BadAnswerError as error:
            return told(
                request,
                error.status,
                "Nothing was recorded",
                f"Go back and put this right: {error}.",
                error=str(error),
            )
        except BadLinkError:
            return gone(request)
        except UnavailableError:
            return unavailable(request)
        return _shown(request, link, said, title=title, recorded=True)

    return router


async def _given(request: Request, link: Link, at: datetime) -> Feedback:
    form = await posted(request, PostedFeedback)
    return Feedback(
        ticket_id=link.approval_id,
        by=link.recipient,
        fixed=form.fixed,
        stars=form.stars,
        comment=form.comment,
        at=at,
    )


def _shown(
    request: Request, link: Link, said: Feedback | None, *, title: str, recorded: bool = False
) -> Response:
    if wants_json(request):
        before = said.model_dump(mode="json") if said else None
        return json_answer(200, {"ticket_id": str(link.approval_id), "feedback": before})
    return page(
        "feedback.page.html",
        200,
        title=title,
        said=said,
        recorded=recorded,
        recipient=link.recipient,
        comment_length=REASON_LENGTH,
    )
