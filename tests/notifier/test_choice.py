"""Choosing a runbook: asked by mail and page, answered once, told once."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.telling import Teller
from services.notifier.choice import NONE, Choice, choose
from services.notifier.delivery import Postman
from services.notifier.desk import Desk
from services.notifier.handlers import ask_which, tell_escalated, tell_resolved
from services.notifier.links import Channel, make
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotOffered,
    Recorded,
    expired,
)
from services.notifier.store import MongoQuestions
from shared.errors import UnavailableError
from shared.events import NotificationSent, PlanChosen, Refusal
from shared.lifecycle import ApprovalState
from shared.signing import ForgedDecisionError
from tests.notifier.builders import (
    ALICE,
    APPROVAL_ID,
    BOB,
    CHOICE_ID,
    KEY,
    NOW,
    SIGNER,
    TICKET_ID,
    approval,
    choice,
    choosing,
    escalated,
    link,
    needed,
    no_route,
    resolved,
    rounds,
)
from tests.notifier.fakes import FakeNotifications, FakeQuestions
from tests.notifier.test_api import client_of

JSON = {"Accept": "application/json"}
RESTART, MOVE = "restart-api", "move-api"


@pytest.fixture
async def waiting(approvals, db):
    """The questions, and a ticket that waits for the choice."""
    return await waits(approvals, db)


async def waits(questions, db):
    if isinstance(questions, FakeQuestions):
        questions.waiting[TICKET_ID] = CHOICE_ID
    ticket = {"_id": TICKET_ID, "state": "triaged", "choice": {"id": CHOICE_ID}}
    await db.tickets.insert_one(ticket)
    return questions


@pytest.fixture
def desk(waiting, clock) -> Desk:
    return Desk(waiting, SIGNER, clock)


@pytest.mark.parametrize(
    ("runbook", "state", "chosen"),
    [(RESTART, "approved", RESTART), (MOVE, "approved", MOVE), (None, "rejected", None)],
)
def test_one_answer_settles_it(runbook, state, chosen):
    outcome = choose(choice(), choosing(runbook), now=NOW)
    assert isinstance(outcome, Recorded)
    after = outcome.question
    assert (after.state, after.settled_at) == (state, NOW)
    assert (after.chosen.name if after.chosen else None) == chosen


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scale-api", "scale-api cannot be used: parameter count: the alert has no label count"),
        ("rm-all", f"there is no rm-all to choose: say restart-api, move-api or {NONE}"),
        ("", f"there is no  to choose: say restart-api, move-api or {NONE}"),
    ],
)
def test_what_is_not_offered_is_not_recorded(name, reason):
    assert choose(choice(), choosing(name), now=NOW) == NotOffered(reason)


@pytest.mark.parametrize(
    ("question", "now", "expected"),
    [
        (expired(choice(), now=NOW), NOW, Expired()),
        (choice(), NOW + timedelta(hours=1), Expired()),
        (
            choose(choice(), choosing(by=BOB.email), now=NOW).question,
            NOW,
            AlreadyDecided(ApprovalState.APPROVED),
        ),
        (choose(choice(), choosing(), now=NOW).question, NOW, AlreadyAnswered(choosing())),
    ],
)
def test_an_answer_that_comes_too_late_is_told_why(question, now, expected):
    assert choose(question, choosing(), now=now) == expected


async def test_a_choice_is_signed_over_all_the_options_and_told(desk, waiting, bus):
    asked = await waiting.open(choice())
    await desk.choose(asked, link(asked), MOVE, reason="it is full")
    (event,) = bus.of(PlanChosen)
    (said,) = event.decisions
    digest = needed().digest
    assert (event.choice_id, event.digest, event.refusal) == (CHOICE_ID, digest, None)
    SIGNER.check_choice(said, choice_id=CHOICE_ID, digest=digest)
    assert (said.runbook, said.by, said.reason) == (MOVE, ALICE.email, "it is full")
    with pytest.raises(ForgedDecisionError):
        SIGNER.check_choice(said, choice_id=CHOICE_ID, digest="another")
    stored = await waiting.find(CHOICE_ID)
    assert isinstance(stored, Choice)
    # As it is stored, the signature still holds.
    SIGNER.check_choice(stored.decisions[0], choice_id=CHOICE_ID, digest=digest)


async def test_none_of_them_is_told_with_who_said_so(desk, waiting, bus):
    asked = await waiting.open(choice())
    await desk.choose(asked, link(asked), None, reason="")
    (event,) = bus.of(PlanChosen)
    assert (event.refusal, event.decisions[0].runbook) == (Refusal.REJECTED, None)


async def test_what_nobody_chose_in_time_is_told_once_and_signed(desk, waiting, bus, clock):
    asked = await waiting.open(choice())
    clock.now = asked.expires_at
    await desk.expire()
    await desk.expire()
    (event,) = bus.events
    assert (event.refusal, event.decisions) == (Refusal.EXPIRED, ())
    SIGNER.check_expiry(event.signature, approval_id=CHOICE_ID, step_hash=asked.digest)


class Racing(MongoQuestions):
    """Lets writers go only when both have judged the same state."""

    def __init__(self, db, publish) -> None:
        super().__init__(db, publish)
        self._barrier, self._parties = asyncio.Barrier(2), 2

    async def record(self, before, after, events):
        if self._parties:
            self._parties -= 1
            await self._barrier.wait()
        return await super().record(before, after, events)


@pytest.mark.parametrize("answers", [(RESTART, MOVE), (RESTART, RESTART), (None, MOVE)])
async def test_of_two_who_choose_at_once_one_wins_and_the_other_is_told(db, bus, clock, answers):
    racing = await waits(Racing(db, bus.publish), db)
    desk = Desk(racing, SIGNER, clock)
    asked = await racing.open(choice())
    outcomes = await asyncio.gather(
        desk.choose(asked, link(asked), answers[0], reason=""),
        desk.choose(asked, link(asked, BOB.email), answers[1], reason=""),
    )
    (winner,) = [o for o in outcomes if isinstance(o, Recorded)]
    (loser,) = [o for o in outcomes if not isinstance(o, Recorded)]
    assert loser == AlreadyDecided(winner.question.state)
    (event,) = bus.of(PlanChosen)
    assert event.decisions == winner.question.decisions


async def test_a_choice_that_its_ticket_does_not_wait_for_is_superseded(approvals):
    asked = await approvals.open(choice())
    assert asked.state is ApprovalState.SUPERSEDED


async def test_a_ticket_that_moved_on_withdraws_its_choices_and_no_approval(waiting):
    await waiting.open(choice())
    await waiting.open(approval())
    assert await waiting.supersede_choices(TICKET_ID, NOW) == 1
    assert await waiting.supersede_choices(TICKET_ID, NOW) == 0
    assert (await waiting.find(CHOICE_ID)).state == "superseded"
    assert (await waiting.find(APPROVAL_ID)).state == "pending"


async def test_an_answer_that_a_withdrawal_overtakes_is_not_recorded(waiting):
    asked = await waiting.open(choice())
    outcome = choose(asked, choosing(), now=NOW)
    assert isinstance(outcome, Recorded)
    await waiting.supersede_choices(TICKET_ID, NOW)
    assert not await waiting.record(asked, outcome.question, [])
    assert (await waiting.find(CHOICE_ID)).decisions == ()


@pytest.mark.parametrize(
    ("tell", "event"), [(tell_resolved, resolved()), (tell_escalated, escalated())]
)
async def test_the_end_of_a_ticket_withdraws_its_question(waiting, mailer, bus, *, tell, event):
    await waiting.open(choice())
    postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
    teller = Teller(Directory((ALICE,), {}), FakeNotifications(), postman)
    await tell(event, waiting, teller, bus.publish)
    assert (await waiting.find(CHOICE_ID)).state == "superseded"


async def test_each_person_gets_a_mail_with_all_that_could_be_done_once(
    waiting, claims, mailer, bus
):
    event = needed(expires_at=datetime.now(UTC) + timedelta(hours=1))
    postman = Postman({Channel.EMAIL: EmailMessenger(mailer)})
    made = rounds((ALICE, BOB), waiting, claims, postman)
    mailer.delays = {BOB.email}
    with suppress(UnavailableError):
        await ask_which(event, no_route, made, bus.publish)
    mailer.delays = set()
    await ask_which(event, no_route, made, bus.publish)
    assert mailer.sent_to() == [ALICE.email, BOB.email]
    mail = mailer.mails[0]
    for part in ("systemctl restart shop-api", "move shop-api", "parameter count: the alert"):
        assert part in mail.text
        assert part in mail.html
    assert mail.link in mail.text
    assert mail.subject == "[P1] Which runbook? shop-api is down on web-1"
    reports = {e.id: e for e in bus.of(NotificationSent)}
    assert {(e.purpose, e.approval_id) for e in reports.values()} == {("choice", CHOICE_ID)}
    assert len(reports) == 2


@pytest.fixture
async def client(waiting, clock):
    async with client_of(waiting, clock) as client:
        yield client


def path(of, *recipient) -> str:
    return "/a/" + make(link(of, *recipient), key=KEY)


async def test_the_page_shows_each_with_what_it_would_do_and_a_button(client, waiting):
    asked = await waiting.open(choice())
    page = (await client.get(path(asked))).text
    for shown in (
        "Which runbook?",
        "shop-api is down on web-1",
        "2 fit about as well",
        "systemctl restart shop-api",
        "move shop-api",
        "Use this one: restart-api",
        "Use this one: move-api",
        "parameter count: the alert has no label count",
        "None of them: I take over",
        "api in title: 1.20",
        "in 1 hour",
    ):
        assert shown in page
    assert "Use this one: scale-api" not in page


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_a_scanner_that_follows_the_link_chooses_nothing(client, waiting, bus, method):
    asked = await waiting.open(choice())
    for query in ("", f"?choose={RESTART}", f"?choose={NONE}"):
        await client.request(method, path(asked) + query)
    found = await waiting.find(CHOICE_ID)
    assert (found.state, found.decisions, bus.events) == ("pending", (), [])


async def test_a_button_records_one_answer_and_the_next_person_is_told(client, waiting, bus):
    asked = await waiting.open(choice())
    first = await client.post(path(asked), data={"choose": MOVE})
    assert first.status_code == 200
    assert "Your answer is recorded: move-api." in first.text
    assert "Use this one" not in first.text
    second = await client.post(path(asked, BOB.email), data={"choose": RESTART})
    assert second.status_code == 409
    assert "Your answer was not recorded" in second.text
    again = await client.get(path(asked))
    assert "You answered <strong>move-api</strong>" in again.text
    assert [event.decisions[0].runbook for event in bus.of(PlanChosen)] == [MOVE]


@pytest.mark.parametrize(("button", "chosen"), [(0, RESTART), (1, MOVE), (2, None)])
async def test_what_each_button_of_the_page_posts_is_recorded(
    client, waiting, bus, *, button, chosen
):
    asked = await waiting.open(choice())
    page = (await client.get(path(asked))).text
    buttons = re.findall(r'name="choose" value="([^"]*)"', page)
    assert len(buttons) == 3
    told = await client.post(path(asked), data={"choose": buttons[button], "reason": ""})
    assert told.status_code == 200
    (event,) = bus.of(PlanChosen)
    assert event.decisions[0].runbook == chosen


async def test_to_take_over_is_recorded_with_its_reason(client, waiting, bus):
    asked = await waiting.open(choice())
    told = await client.post(path(asked), data={"choose": NONE, "reason": "I know it"})
    assert "none of them, you take over" in told.text
    (event,) = bus.of(PlanChosen)
    assert event.decisions[0].reason == "I know it"


async def test_programs_get_the_question_and_the_answer_in_json(client, waiting):
    asked = await waiting.open(choice())
    shown = (await client.get(path(asked), headers=JSON)).json()
    assert (shown["kind"], shown["open"], shown["chosen"]) == ("choice", True, None)
    assert [option["runbook"]["name"] for option in shown["options"]][:2] == [RESTART, MOVE]
    said = await client.post(path(asked), json={"choose": RESTART}, headers=JSON)
    assert (said.json()["outcome"], said.json()["chosen"]) == ("recorded", RESTART)
    assert "signature" not in said.text


@pytest.mark.parametrize(
    ("posted", "status", "told"),
    [
        ({"choose": "scale-api"}, 422, "scale-api cannot be used"),
        ({"choose": "rm-all"}, 422, "there is no rm-all to choose"),
        ({"decision": "approve"}, 422, "choose: Field required"),
        ({"choose": ""}, 422, "choose"),
        ({"choose": RESTART, "reason": "x" * 2000}, 422, "the reason is longer than"),
    ],
)
async def test_an_answer_that_is_none_is_told_what_to_change(
    client, waiting, bus, *, posted, status, told
):
    asked = await waiting.open(choice())
    answer = await client.post(path(asked), json=posted, headers=JSON)
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert bus.events == []


async def test_after_its_time_the_link_is_gone(client, waiting, clock):
    asked = await waiting.open(choice())
    clock.now = asked.expires_at + timedelta(seconds=2)
    assert (await client.post(path(asked), data={"choose": RESTART})).status_code == 404
