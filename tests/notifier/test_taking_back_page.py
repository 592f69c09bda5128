"""The page of a question: whose yes is missing, taking one back, and being asked anew."""

from uuid import UUID

import pytest

from services.notifier.links import Channel, make
from shared.events import OnExpiry, OnNo, Seat, StepApprovalWithdrawn
from tests.notifier.builders import ALICE, BOB, KEY, approval, link
from tests.notifier.fakes import FakeQuestions
from tests.notifier.test_api import APPROVE, JSON, client_of, path

BACK = {"decision": "withdraw"}
TAKE_BACK = 'name="decision" value="withdraw"'
NEW = UUID(int=77)


@pytest.fixture
def questions(bus):
    return FakeQuestions(bus.publish)


@pytest.fixture
async def client(questions, clock):
    async with client_of(questions, clock) as client:
        yield client


async def test_who_said_something_may_take_it_back_and_answer_again(client, questions):
    asked = await questions.open(approval(required=2))
    assert TAKE_BACK not in (await client.get(path(asked))).text
    await client.post(path(asked), data=APPROVE)
    assert TAKE_BACK in (await client.get(path(asked))).text
    page = await client.post(path(asked), data=BACK | {"reason": "wrong host"})
    assert page.status_code == 200
    assert "What you said is taken back." in page.text
    assert 'id="approve"' in page.text
    assert "took it back" in page.text
    assert "wrong host" in page.text
    assert (await client.post(path(asked), data=APPROVE)).status_code == 200
    assert (await questions.find(asked.id)).approvals == 1


async def test_who_said_nothing_takes_nothing_back(client, questions):
    asked = await questions.open(approval(required=2))
    page = await client.post(path(asked), data=BACK)
    assert page.status_code == 422
    assert "you have said nothing here that could be taken back" in page.text


async def test_nobody_takes_back_what_another_said(client, questions):
    asked = await questions.open(approval(required=2))
    await client.post(path(asked), data=APPROVE)
    page = await client.post(path(asked, BOB.email), data=BACK)
    assert page.status_code == 422
    assert (await questions.find(asked.id)).approvals == 1


async def test_until_the_step_begins_the_yes_that_settled_it_is_taken_back(client, questions, bus):
    asked = await questions.open(approval())
    settled = await client.post(path(asked), data=APPROVE)
    assert "you may take your yes back" in settled.text
    assert "ask again before it runs" in (await client.get(path(asked))).text
    page = await client.post(path(asked), data=BACK)
    assert "A yes was taken back" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert len(bus.of(StepApprovalWithdrawn)) == 1
    assert TAKE_BACK not in (await client.get(path(asked))).text


async def test_after_it_has_begun_there_is_no_button_and_a_post_is_refused(client, questions, bus):
    asked = await questions.open(approval())
    await client.post(path(asked), data=APPROVE)
    questions.running.add(asked.step_id)
    assert TAKE_BACK not in (await client.get(path(asked))).text
    page = await client.post(path(asked), data=BACK)
    assert page.status_code == 422
    assert "the step has begun, so your yes stands" in page.text
    assert not bus.of(StepApprovalWithdrawn)


async def test_who_took_a_yes_back_too_late_is_told(client, questions):
    asked = await questions.open(approval())
    await client.post(path(asked), data=APPROVE)
    await client.post(path(asked), data=BACK)
    # The executor was faster, and asks nobody anew.
    questions.running.add(asked.step_id)
    page = (await client.get(path(asked))).text
    assert "A yes was taken back too late" in page
    assert TAKE_BACK not in page


async def test_a_question_that_is_asked_anew_leads_to_the_new_one(client, questions):
    old = await questions.open(approval())
    new = await questions.open(
        approval(approval_id=NEW, replaces=old.id, again="alice@example.org took the yes back")
    )
    page = await client.get(path(old))
    assert page.status_code == 303
    assert page.headers["location"] == make(link(new), key=KEY)
    asked = (await client.get(path(new))).text
    assert "It is asked again:</strong> alice@example.org took the yes back." in asked
    late = await client.post(path(old), data=APPROVE)
    assert late.status_code == 409
    assert "this question does not count any more" in late.text


async def test_a_room_takes_nothing_back(client, questions, bus):
    asked = await questions.open(approval(required=2))
    token = make(link(asked, ALICE.email, Channel.ROOM), key=KEY)
    assert (await client.post(f"/a/{token}", data=BACK)).status_code == 403


async def test_the_page_says_whose_yes_is_missing_and_what_a_no_does(client, questions):
    seats = (
        Seat(name="dba", people=(ALICE.email,)),
        Seat(name="security", people=(BOB.email,)),
    )
    asked = await questions.open(approval(required=2, seats=seats, on_no=OnNo.MAJORITY))
    page = (await client.get(path(asked))).text
    assert "one of them of dba and one of security" in page
    assert "2 more yes, of dba and security" in page
    assert "A no is a vote against it, and 2 of them reject it." in page
    await client.post(path(asked), data=APPROVE)
    page = (await client.get(path(asked))).text
    assert "Waiting for 1 more yes, of security" in page


@pytest.mark.parametrize(
    ("on_expiry", "words"),
    [
        (OnExpiry.REJECT, "the step is rejected and does not run"),
        (OnExpiry.ESCALATE, "the step does not run, and the ticket goes to a person"),
    ],
)
async def test_what_happens_without_an_answer_is_what_the_rule_says(
    client, questions, on_expiry, words
):
    asked = await questions.open(approval(on_expiry=on_expiry))
    assert words in (await client.get(path(asked))).text


async def test_programs_take_back_and_see_it(client, questions):
    asked = await questions.open(approval(required=2))
    await client.post(path(asked), json=APPROVE, headers=JSON)
    said = (await client.post(path(asked), json=BACK, headers=JSON)).json()
    assert (said["outcome"], said["approvals"], said["wanted"]) == ("recorded", 0, "2 more yes")
    assert said["you"]["answered"] is None
    assert said["open"]
