"""A yes by a link that has to be confirmed by a code, over HTTP."""

import re
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.api import question_links
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.audit.entry import Action
from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.codes.codes import Codes
from services.notifier.codes.store import GOOD_FOR, PAUSE, TRIES, MongoCodes
from services.notifier.delivery import Postman
from services.notifier.door import Door
from services.notifier.links import Channel, make
from shared.config import Config
from shared.config.approvals import Confirm
from shared.config.channels import SlackChannel
from shared.events import StepApproved
from shared.lifecycle import ApprovalState, Risk
from tests.notifier.builders import ALICE, BOB, KEY, SIGNER, approval, link
from tests.notifier.fakes import FakeCourses, FakeTrail
from tests.notifier.inquiries import inquiry

APPROVE = {"decision": "approve"}
IN_SLACK = Directory(
    (ALICE.model_copy(update={"slack": "U1"}), BOB), {"ops": SlackChannel(kind="slack")}
)
JSON = {"Accept": "application/json"}


class Chat:
    """A channel that remembers what it was to tell."""

    def __init__(self):
        self.told = []

    async def tell(self, telling, *, now):
        self.told.append(telling)
        return "C1/1"


class Page:
    """The page of one person's link, and the mails that were sent."""

    def __init__(self, http, mailer, chat, trail):
        self._http, self.mailer, self.chat, self.trail = http, mailer, chat, trail

    async def post(self, of, who=ALICE.email, channel=Channel.EMAIL, headers=None, **said):
        path = "/a/" + make(link(of, who, channel), key=KEY)
        return await self._http.post(path, data={**APPROVE, **said}, headers=headers)

    def code(self):
        return re.search(r"\b(\d{6})\b", self.mailer.mails[-1].text)[1]

    def wrong(self):
        return f"{(int(self.code()) + 1) % 10**6:06}"


@pytest.fixture
def directory():
    return Directory((ALICE, BOB), {})


@pytest.fixture
async def page(db, mongo_approvals, clock, mailer, directory):
    await db.get_collection("confirmation_codes").delete_many({})
    chat, trail = Chat(), FakeTrail()
    codes = Codes(
        Confirm(from_risk=Risk.HIGH),
        kept=MongoCodes(db),
        signer=SIGNER,
        post=Postman({Channel.EMAIL: EmailMessenger(mailer), "ops": chat}),
        directory=directory,
        now=clock,
    )
    app = FastAPI()
    app.include_router(
        question_links(
            WitnessedDesk(mongo_approvals, SIGNER, clock, trail=trail),
            key=KEY,
            now=clock,
            door=Door("https://handrail.example.org", clock),
            courses=FakeCourses(),
            codes=codes,
        )
    )
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as http:
        yield Page(http, mailer, chat, trail)


@pytest.fixture
async def asked(page, mongo_approvals):
    return await mongo_approvals.open(approval())


async def state(approvals, of):
    return (await approvals.find(of.id)).state


async def test_a_yes_asks_for_a_code_first_and_counts_with_it(page, asked, mongo_approvals, bus):
    first = await page.post(asked)
    assert first.status_code == 403
    assert 'name="code"' in first.text
    assert await state(mongo_approvals, asked) is ApprovalState.PENDING
    second = await page.post(asked, code=page.code())
    assert second.status_code == 200
    assert [event.decisions[0].by for event in bus.of(StepApproved)] == [ALICE.email]


async def test_a_code_may_be_typed_with_a_space(page, asked):
    await page.post(asked)
    code = page.code()
    assert (await page.post(asked, code=f"{code[:3]} {code[3:]}")).status_code == 200


async def test_a_no_needs_no_code(page, asked, mongo_approvals):
    answer = await page.post(asked, decision="reject", reason="wrong host")
    assert answer.status_code == 200
    assert await state(mongo_approvals, asked) is ApprovalState.REJECTED
    assert page.mailer.mails == []


@pytest.mark.parametrize(
    ("lost", "fate", "needed"),
    [
        (inquiry(risk=Risk.HIGH), "again", True),
        (inquiry(risk=Risk.HIGH), " again ", True),
        (inquiry(risk=Risk.HIGH), "ran", False),
        (inquiry(risk=Risk.MEDIUM), "again", False),
        (inquiry(), "again", False),
    ],
)
async def test_to_run_again_what_needed_a_yes_needs_a_code_as_the_yes_did(
    page, mongo_approvals, lost, fate, needed
):
    await mongo_approvals.open(lost)
    said = {"value.fate": fate}
    first = await page.post(lost, **said)
    if needed:
        assert ('name="code"' in first.text, first.status_code) == (True, 403)
        assert 'name="value.fate" value="again"' in first.text
        assert (await page.post(lost, code=page.wrong(), **said)).status_code == 403
        assert await state(mongo_approvals, lost) is ApprovalState.PENDING
        assert (await page.post(lost, code=page.code(), **said)).status_code == 200
    assert await state(mongo_approvals, lost) is ApprovalState.APPROVED


async def test_less_risk_needs_no_code(page, mongo_approvals):
    asked = await mongo_approvals.open(approval(risk=Risk.MEDIUM))
    assert (await page.post(asked)).status_code == 200


async def test_the_terminal_needs_no_code(page, asked):
    answer = await page.post(asked, "root", Channel.TERMINAL)
    assert answer.status_code == 200


async def test_a_wrong_code_decides_nothing_and_may_be_put_right(page, asked, mongo_approvals):
    await page.post(asked)
    wrong = await page.post(asked, code=page.wrong())
    assert wrong.status_code == 403
    assert "not the code" in wrong.text
    assert await state(mongo_approvals, asked) is ApprovalState.PENDING
    (refused,) = [entry for entry in page.trail.entries if "not the code" in entry.detail]
    assert (refused.action, refused.by) == (Action.REFUSED, ALICE.email)
    assert page.wrong() not in refused.detail
    assert (await page.post(asked, code=page.code())).status_code == 200


async def test_after_the_last_try_the_right_code_is_none(page, asked, mongo_approvals):
    await page.post(asked)
    for _ in range(TRIES):
        await page.post(asked, code=page.wrong())
    sixth = await page.post(asked, code=page.code())
    assert (sixth.status_code, "not good any more" in sixth.text) == (403, True)
    assert await state(mongo_approvals, asked) is ApprovalState.PENDING


async def test_a_code_that_is_too_old_decides_nothing(page, asked, clock, mongo_approvals):
    await page.post(asked)
    clock.now += GOOD_FOR
    assert (await page.post(asked, code=page.code())).status_code == 403
    assert await state(mongo_approvals, asked) is ApprovalState.PENDING


async def test_the_code_of_another_person_decides_nothing(page, asked, mongo_approvals):
    await page.post(asked, BOB.email)
    bobs = page.code()
    await page.post(asked, ALICE.email)
    assert (await page.post(asked, ALICE.email, code=bobs)).status_code == (
        200 if bobs == page.code() else 403
    )


async def test_the_code_of_another_approval_decides_nothing(page, mongo_approvals):
    one = await mongo_approvals.open(approval(required=2))
    other = await mongo_approvals.open(
        approval(required=2, approval_id=UUID(int=77), step_hash="cd" * 32)
    )
    await page.post(one)
    ones = page.code()
    assert (await page.post(other, code=ones)).status_code == 403
    assert (await mongo_approvals.find(other.id)).decisions == ()


async def test_a_code_cannot_be_used_twice(page, mongo_approvals):
    asked = await mongo_approvals.open(approval(required=2))
    await page.post(asked)
    code = page.code()
    assert (await page.post(asked, code=code)).status_code == 200
    assert (await page.post(asked, BOB.email, code=code)).status_code == 403
    assert (await page.post(asked, code=code)).status_code == 409


async def test_another_code_is_sent_when_that_is_wanted_and_the_first_is_none_then(
    page, asked, clock
):
    await page.post(asked)
    first = page.code()
    at_once = await page.post(asked)
    assert "a code was sent before" in at_once.text
    clock.now += PAUSE
    await page.post(asked)
    assert len(page.mailer.mails) == 2
    if page.code() != first:
        assert (await page.post(asked, code=first)).status_code == 403
    assert (await page.post(asked, code=page.code())).status_code == 200


async def test_a_program_is_told_that_a_code_is_needed(page, asked):
    answer = await page.post(asked, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "needed")


async def test_where_the_mail_is_not_taken_it_is_told_and_may_be_tried_again(page, asked):
    page.mailer.delays.add(ALICE.email)
    assert "could not be sent" in (await page.post(asked)).text
    page.mailer.delays.clear()
    await page.post(asked)
    assert (await page.post(asked, code=page.code())).status_code == 200


async def test_who_has_answered_gets_no_code(page, mongo_approvals):
    asked = await mongo_approvals.open(approval(required=2))
    await page.post(asked)
    await page.post(asked, code=page.code())
    await page.post(asked)
    assert len(page.mailer.mails) == 1


async def test_a_stranger_gets_no_code(page, asked):
    answer = await page.post(asked, "eve@example.org")
    assert answer.status_code == 403
    assert page.mailer.mails == []


@pytest.mark.parametrize("directory", [IN_SLACK])
async def test_the_code_to_a_link_in_a_mail_comes_by_the_chat(page, asked):
    await page.post(asked)
    assert page.mailer.mails == []
    (told,) = page.chat.told
    assert told.to.address == "U1"
    code = re.search(r"\b(\d{6})\b", told.news.summary)[1]
    assert (await page.post(asked, code=code)).status_code == 200


@pytest.mark.parametrize("directory", [IN_SLACK])
async def test_the_code_to_a_link_in_a_chat_comes_by_mail(page, asked):
    await page.post(asked, channel=Channel.CHAT)
    assert page.chat.told == []
    assert page.mailer.sent_to() == [ALICE.email]


async def test_the_code_itself_is_nowhere_to_be_read(page, asked, db, bus, capsys):
    answer = await page.post(asked)
    code = page.code()
    last = await page.post(asked, code=code)
    kept = [each async for each in db.get_collection("confirmation_codes").find()]
    out = capsys.readouterr()
    places = [answer.text, last.text, kept, bus.events, page.trail.entries, out.out, out.err]
    digits = re.compile(rf"(?<![0-9a-f]){code}(?![0-9a-f])")
    assert [place for place in map(str, places) if digits.search(place)] == []


def test_handrail_yaml_says_from_which_risk_on():
    said = {"approvals": {"confirm": {"from_risk": "medium", "by": "code"}}}
    assert Config.model_validate(said).approvals.confirm == Confirm(from_risk=Risk.MEDIUM)
    assert Config().approvals.confirm is None
