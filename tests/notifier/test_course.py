"""The course of a ticket: what was asked and told of it, in order."""

from datetime import timedelta

import pytest

from services.notifier.course import MOST, course
from services.notifier.store import MongoCourses
from shared.events import Answer
from tests.notifier.builders import ALICE, CHOICE_ID, NOW, TICKET_ID, approval, choice, decision

LATER = NOW + timedelta(minutes=5)


def settled(question, state, **changes):
    return question.model_copy(update={"state": state, "settled_at": LATER, **changes})


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        (approval(), ["Asked: Restart shop-api on web-1"]),
        (
            settled(approval(), "approved", decisions=(decision(),)),
            [
                "Asked: Restart shop-api on web-1",
                f"Answered by {ALICE.email}: Restart shop-api on web-1",
            ],
        ),
        (
            settled(
                approval(),
                "superseded",
                superseded_by=CHOICE_ID,
                decisions=(decision(), decision(answer=Answer.WITHDRAW)),
            ),
            [
                "Asked: Restart shop-api on web-1",
                f"Taken back by {ALICE.email}: Restart shop-api on web-1",
                "Asked anew: Restart shop-api on web-1",
            ],
        ),
        (
            settled(approval(), "expired"),
            ["Asked: Restart shop-api on web-1", "Expired: Restart shop-api on web-1"],
        ),
        (
            settled(choice(), "superseded"),
            ["Asked: Which runbook?", "Withdrawn: Which runbook?"],
        ),
    ],
    ids=["waits", "answered", "asked anew", "expired", "withdrawn"],
)
def test_a_question_is_told_with_its_end(question, texts):
    assert [moment.text for moment in course(None, [question], ())] == texts


def test_moments_stand_in_the_order_in_which_they_happened():
    told = [("ticket.resolved", LATER), ("of.another.kind", NOW)]
    moments = course(NOW - timedelta(hours=1), [approval()], told)
    assert [moment.text for moment in moments] == [
        "The problem was reported",
        "Asked: Restart shop-api on web-1",
        "Resolved",
    ]


def test_of_a_long_course_the_newest_moments_are_shown():
    told = [("session.started", NOW + timedelta(seconds=n)) for n in range(MOST + 5)]
    moments = course(None, (), told)
    assert len(moments) == MOST
    assert moments[-1].at == told[-1][1]


async def test_the_course_is_put_together_from_what_is_stored(db, mongo_approvals):
    await mongo_approvals.open(approval())
    await db.get_collection("tickets").insert_one({"_id": TICKET_ID, "created_at": NOW})
    courses = MongoCourses(db)
    await courses.prepare()
    texts = [moment.text for moment in await courses.of(TICKET_ID)]
    assert texts == ["The problem was reported", "Asked: Restart shop-api on web-1"]
