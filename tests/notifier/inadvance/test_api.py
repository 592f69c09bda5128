"""The page where a person says something in advance, over HTTP."""

import re
from datetime import timedelta
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
from services.notifier.codes.store import MongoCodes
from services.notifier.delivery import Postman
from services.notifier.door import Door
from services.notifier.inadvance.api import advance_links
from services.notifier.inadvance.saying import InAdvance
from services.notifier.links import Channel, make
from shared.config.approvals import Confirm
from shared.events import StepApproved
from shared.lifecycle import Risk
from shared.standing.live import LiveStanding
from shared.standing.store import MongoStanding, word_of
from tests.notifier.builders import ALICE, BOB, KEY, NOW, SIGNER, approval, link
from tests.notifier.fakes import FakeCourses, FakeTrail

JSON = {"Accept": "application/json"}
SEAL = "ab" * 32
DELEGATE = {"do": "delegate", "to": BOB.email, "span": "8h"}
ALLOW = {"do": "allow", "span": "2h"}


class World:
    """Pages behind people's links, and what they say by them."""

    def __init__(self, db, approvals, clock, mailer, confirm):
        self.words = MongoStanding(db)
        self.live = LiveStanding(self.words, SIGNER, clock)
        self.trail, self.also, self.mailer = FakeTrail(), [], mailer
        desk = WitnessedDesk(approvals, SIGNER, clock, trail=self.trail, handed=self.live.to)
        in_advance = InAdvance(self.words, self.live, SIGNER, (ALICE, BOB), self._also, clock)
        codes = Codes(
            confirm,
            kept=MongoCodes(db),
            signer=SIGNER,
            post=Postman({Channel.EMAIL: EmailMessenger(mailer)}),
            directory=Directory((ALICE, BOB), {}),
            now=clock,
        )
        door = Door("https://handrail.example.org", clock)
        app = FastAPI()
        app.include_router(
            question_links(desk, key=KEY, now=clock, door=door, courses=FakeCourses())
        )
        app.include_router(advance_links(desk, in_advance, codes, key=KEY, now=clock, door=door))
        transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://notifier")

    async def _also(self, question_id, people):
        self.also += [(question_id, one.email) for one in people]

    def path(self, of, who=ALICE.email, channel=Channel.EMAIL):
        return f"/a/{make(link(of, who, channel), key=KEY)}"

    async def say(self, of, said, who=ALICE.email, channel=Channel.EMAIL, headers=None):
        """Say it, and confirm it by the code that comes."""
        self.mailer.mails.clear()
        first = await self.say_once(of, said, who, channel, headers)
        return first if not self.mailer.mails else await self.confirm(of, said, who)

    async def confirm(self, of, said, who=ALICE.email):
        code = re.search(r"\b\d{6}\b", self.mailer.mails[-1].text)[0]
        return await self.say_once(of, {**said, "code": code}, who)

    async def say_once(self, of, said, who=ALICE.email, channel=Channel.EMAIL, headers=None):
        path = f"{self.path(of, who, channel)}/advance"
        return await self.http.post(path, data=said, headers=headers)

    async def approve(self, of, who=ALICE.email):
        return await self.http.post(self.path(of, who), data={"decision": "approve"})

    async def said(self):
        return [word_of(kept) for kept in await self.words.all()]


@pytest.fixture
def confirm():
    return None


@pytest.fixture
async def world(db, mongo_approvals, clock, mailer, confirm):
    for name in ("standing", "confirmation_codes"):
        await db.get_collection(name).delete_many({})
    made = World(db, mongo_approvals, clock, mailer, confirm)
    async with made.http:
        yield made


@pytest.fixture
async def asked(mongo_approvals):
    return await mongo_approvals.open(approval(runbook_seal=SEAL))


async def test_the_page_of_the_question_leads_there_and_opening_it_says_nothing(world, asked):
    page = await world.http.get(world.path(asked))
    assert '<a href="?advance">' in page.text
    onward = await world.http.get(f"{world.path(asked)}?advance", follow_redirects=True)
    assert "Let somebody else answer" in onward.text
    assert str(onward.url).endswith("/advance")
    assert await world.said() == []


async def test_a_link_that_is_none_leads_nowhere(world):
    for path in ("/a/forged?advance", "/a/https:evil.example/advance", "/a/forged/advance"):
        answer = await world.http.get(path)
        assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_somebody_else_is_named_signed_asked_and_listed(world, asked):
    page = await world.say(asked, DELEGATE)
    assert page.status_code == 200
    (word,) = await world.said()
    SIGNER.check_standing(word)
    assert (word.of, word.to, word.by) == (ALICE.email, BOB.email, ALICE.email)
    assert word.until - word.since == timedelta(hours=8)
    assert world.also == [(asked.id, BOB.email)]
    assert "answers for you until" in page.text
    assert world.trail.entries[-1].action is Action.IN_ADVANCE


@pytest.mark.parametrize(
    "said",
    [
        {**DELEGATE, "to": "eve@example.org"},
        {**DELEGATE, "to": ALICE.email},
        {**DELEGATE, "span": "9h"},
        {**DELEGATE, "span": "30d"},
        {**DELEGATE, "span": "soon"},
        {"do": "everything"},
        {"do": "end"},
        {"do": "end", "id": str(UUID(int=5))},
        ALLOW,
    ],
)
async def test_what_makes_no_sense_is_not_said(world, asked, said):
    answer = await world.say(asked, said)
    assert answer.status_code == 422
    assert "Nothing was recorded yet" in answer.text
    assert await world.said() == []


async def test_after_a_yes_the_runbook_may_be_allowed_as_it_was_shown(world, asked):
    page = await world.approve(asked)
    assert "Allow this runbook for a while" in page.text
    assert (await world.say(asked, ALLOW)).status_code == 200
    (word,) = await world.said()
    SIGNER.check_standing(word)
    assert (word.runbook, word.version, word.risk) == (asked.runbook, SEAL, asked.risk)
    assert (word.by, word.until - word.since) == (ALICE.email, timedelta(hours=2))


@pytest.mark.parametrize(
    "about", [{"risk": Risk.CRITICAL, "runbook_seal": SEAL}, {"runbook_seal": ""}]
)
async def test_what_is_asked_for_each_time_is_not_offered(world, mongo_approvals, about):
    asked = await mongo_approvals.open(approval(**about))
    page = await world.approve(asked)
    assert "Allow this runbook" not in page.text
    assert (await world.say(asked, ALLOW)).status_code == 422
    assert await world.said() == []


async def test_who_said_no_or_nothing_allows_nothing(world, mongo_approvals):
    asked = await mongo_approvals.open(approval(runbook_seal=SEAL, required=2))
    await world.approve(asked, BOB.email)
    assert (await world.say(asked, ALLOW)).status_code == 422
    await world.http.post(world.path(asked), data={"decision": "reject", "reason": "no"})
    assert (await world.say(asked, ALLOW)).status_code == 422


async def test_it_can_be_ended_by_the_person_alone(world, asked):
    await world.say(asked, DELEGATE)
    (word,) = await world.said()
    end = {"do": "end", "id": str(word.id)}
    assert (await world.say(asked, end, BOB.email)).status_code == 422
    assert (await world.say(asked, end)).status_code == 200
    assert world.live.to(BOB.email, NOW) == []


@pytest.mark.parametrize("channel", [Channel.ROOM, Channel.TERMINAL])
async def test_only_a_link_of_ones_own_takes_such_words(world, asked, channel):
    answer = await world.say(asked, DELEGATE, channel=channel)
    assert answer.status_code == 404
    assert await world.said() == []


async def test_a_form_of_another_site_says_nothing(world, asked):
    answer = await world.say(asked, DELEGATE, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert await world.said() == []


@pytest.mark.parametrize("confirm", [None, Confirm(from_risk=Risk.CRITICAL)])
@pytest.mark.parametrize("said", [DELEGATE, ALLOW])
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.CHAT])
async def test_it_takes_a_code_whatever_the_risk_and_the_file_say(world, asked, said, channel):
    await world.approve(asked)
    first = await world.say_once(asked, said, channel=channel, headers=JSON)
    assert (first.status_code, first.json()["code"]) == (403, "needed")
    assert await world.said() == []
    assert world.mailer.sent_to() == [ALICE.email]
    assert (await world.confirm(asked, said)).status_code == 200
    assert len(await world.said()) == 1


async def test_a_program_sees_what_stands(world, asked):
    await world.say(asked, DELEGATE)
    told = (await world.http.get(f"{world.path(asked)}/advance", headers=JSON)).json()
    assert [(each["kind"], each["to"]) for each in told["in_advance"]] == [
        ("delegation", BOB.email)
    ]
    assert "signature" not in told["in_advance"][0]


async def test_who_stands_in_says_a_yes_that_counts_as_the_others(world, mongo_approvals, bus):
    asked = await mongo_approvals.open(approval(who=(ALICE.email,)))
    assert (await world.approve(asked, BOB.email)).status_code == 403
    await world.say(asked, DELEGATE)
    page = await world.approve(asked, BOB.email)
    assert page.status_code == 200
    assert "Bob for Alice" in page.text
    told = await world.http.get(world.path(asked, BOB.email), headers=JSON)
    assert told.json()["decisions"][0]["delegation"]["of"] == ALICE.email
    assert "signature" not in told.text
    (event,) = bus.of(StepApproved)
    assert event.decisions[0].told_by == f"{BOB.email} for {ALICE.email}"


async def test_who_stood_in_and_the_other_are_one_person(world, mongo_approvals):
    asked = await mongo_approvals.open(approval(who=(ALICE.email, "c@example.org"), required=2))
    await world.say(asked, DELEGATE)
    assert (await world.approve(asked, BOB.email)).status_code == 200
    both = await world.approve(asked)
    assert (both.status_code, "one person" in both.text) == (403, True)


async def test_what_was_handed_over_is_not_handed_on(world, mongo_approvals, clock):
    await world.words.add(
        SIGNER.signed_standing(
            (await _handed(world, mongo_approvals)).model_copy(
                update={"id": UUID(int=3), "of": BOB.email, "to": "c@example.org"}
            )
        )
    )
    await world.live.look()
    asked = await mongo_approvals.open(
        approval(who=(ALICE.email,), approval_id=UUID(int=55), step_hash="ef" * 32)
    )
    assert (await world.approve(asked, "c@example.org")).status_code == 403


async def test_who_asked_for_the_ticket_does_not_stand_in(world, mongo_approvals):
    asked = await mongo_approvals.open(approval(who=(ALICE.email,), requester=BOB.email))
    await world.say(asked, DELEGATE)
    assert (await world.approve(asked, BOB.email)).status_code == 403


async def _handed(world, approvals):
    asked = await approvals.open(approval())
    await world.say(asked, DELEGATE)
    (word,) = await world.said()
    return word
