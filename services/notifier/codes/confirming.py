"""A yes that somebody posts, before it counts: confirmed by a code where that is wanted."""

from collections.abc import Mapping
from typing import Final

from services.notifier.approval import Approval
from services.notifier.codes.codes import CodeNeededError, Codes, Purpose
from services.notifier.inquiry import Inquiry
from services.notifier.links import Link
from services.notifier.posted import BadAnswerError, PostedAnswer
from services.notifier.replied import PostedReply
from shared.events import Answer

#: What a form has when a code is asked for.
CODE: Final = "code"


async def confirm_again(
    codes: Codes | None, inquiry: Inquiry, link: Link, said: PostedReply, form: Mapping[str, str]
) -> None:
    """The same for an answer that stands for a yes: a lost command is to run again.

    Raises:
        BadAnswerError: as ``confirm``; with ``form`` in its form too.
        UnavailableError: the store does not answer.
    """
    if codes is None or said.refuse or not inquiry.stands_for_yes(said.values):
        return
    if not codes.wanted(link, inquiry.risk) or not codes.would_count(inquiry, link):
        return
    try:
        await codes.confirmed(inquiry, link, Purpose.AGAIN, said.code)
    except CodeNeededError as error:
        raise BadAnswerError(403, str(error), form={**form, CODE: ""}) from error


async def confirm(codes: Codes | None, approval: Approval, link: Link, said: PostedAnswer) -> None:
    """Return where nothing stands in the way of a yes, or it is none; a code is used up by it.

    Raises:
        BadAnswerError: a code is asked for, or it was wrong; with ``CODE`` in its form.
        UnavailableError: the store does not answer.
    """
    if codes is None or said.decision is not Answer.APPROVE:
        return
    if not codes.wanted(link, approval.risk) or not codes.would_count(approval, link):
        return
    try:
        await codes.confirmed(approval, link, Purpose.APPROVE, said.code)
    except CodeNeededError as error:
        raise BadAnswerError(403, str(error), form={CODE: ""}) from error
