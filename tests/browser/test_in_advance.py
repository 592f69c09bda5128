"""What is said in advance, and confirmed by a code, in a real browser."""

import os
import re
import socket
from pathlib import Path

import pytest

from services.notifier.api import question_links
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.codes.codes import Codes
from services.notifier.codes.store import Tried
from services.notifier.delivery import Postman
from services.notifier.door import Door
from services.notifier.inadvance.api import advance_links
from services.notifier.inadvance.saying import InAdvance
from services.notifier.links import Channel
from shared.config.approvals import Confirm
from shared.lifecycle import Risk
from shared.standing.live import LiveStanding
from shared.standing.store import Kept
from tests.browser.conftest import Site, serving
from tests.notifier.builders import ALICE, BOB, KEY, SIGNER, approval
from tests.notifier.fakes import FakeCourses, FakeMailer


class Words:
    """The contract of ``MongoStanding``, as far as a page needs it."""

    def __init__(self):
        self.words = {}

    async def add(self, word):
        self.words[word.id] = word

    async def end(self, word_id, *, by, at):
        return self.words.pop(word_id, None) is not None

    async def all(self, *, after=None):
        return [Kept(w.id, w.kind, w.model_dump(mode="json")) for w in self.words.values()]


class Digests:
    """The contract of ``MongoCodes``, for one code."""

    def __init__(self):
        self.digest = None

    async def replace(self, about, digest, now):
        self.digest = digest
        return True

    async def withdraw(self, about, digest, now):
        self.digest = None

    async def tried(self, about, digest, now):
        return Tried.RIGHT if digest == self.digest else Tried.WRONG


class Confirmed(Site):
    """A site where a yes is confirmed, and things are said in advance."""

    def __init__(self, address):
        super().__init__(address)
        self.words, self.mailer = Words(), FakeMailer()

    def app(self):
        app = super().app()
        app.router.routes.clear()
        live = LiveStanding(self.words, SIGNER, self.clock)
        desk = WitnessedDesk(self.questions, SIGNER, self.clock, trail=self.trail, handed=live.to)
        people, door = (ALICE, BOB), Door(self.address, self.clock)
        codes = Codes(
            Confirm(from_risk=Risk.CRITICAL),
            kept=Digests(),
            signer=SIGNER,
            post=Postman({Channel.EMAIL: EmailMessenger(self.mailer)}),
            directory=Directory(people, {}),
            now=self.clock,
        )
        in_advance = InAdvance(self.words, live, SIGNER, people, _nobody_else, self.clock)
        said = {"key": KEY, "now": self.clock, "door": door}
        app.include_router(question_links(desk, courses=FakeCourses(), codes=codes, **said))
        app.include_router(advance_links(desk, in_advance, codes, **said))
        return app

    def code(self):
        return re.search(r"\b(\d{6})\b", self.mailer.mails[-1].text)[1]


async def _nobody_else(question_id, people):
    return None


@pytest.fixture
async def site():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        site = Confirmed(f"http://127.0.0.1:{listening.getsockname()[1]}")
        async with serving(site.app(), listening):
            yield site


def has(text):
    return f"document.body.innerText.includes('{text}')"


async def test_a_yes_is_confirmed_by_the_code_from_the_mail(site, tab):
    asked = await site.questions.open(approval(risk=Risk.CRITICAL))
    await tab.look(width=320)
    await tab.open(site.url(asked))
    await tab.press("#approve")
    await tab.until(has("a code was sent to you"))
    await _looked_at(tab, "code")
    await tab.write("#code", site.code())
    await tab.press("form:has(#code) button")
    await tab.until(has("Your answer is recorded: yes"))


async def test_after_a_yes_a_runbook_is_allowed_and_somebody_else_is_named(site, tab):
    asked = await site.questions.open(approval(runbook_seal="ab" * 32))
    await tab.look(width=320)
    await tab.open(site.url(asked))
    await tab.press("#approve")
    await tab.until(has("Allow this runbook for a while"))
    await tab.press(".advance a")
    await tab.until(has("What you say in advance"))
    await _looked_at(tab, "in-advance")
    await tab.press("form:has(#allow-span) button")
    await tab.until(has("You are about to give your yes"))
    await tab.write("#code", site.code())
    await tab.press("form:has(#code) button")
    await tab.until(has("What holds now"))
    await tab.press("form:has(#to) button")
    await tab.until(has("answer for you for 8 hours"))
    await tab.write("#code", site.code())
    await tab.press("form:has(#code) button")
    await tab.until(has("answers for you until"))
    await _looked_at(tab, "holds")
    assert sorted(word.kind for word in site.words.words.values()) == ["delegation", "window"]
    await tab.press("form.inline button")
    await tab.until(has("that holds no more"))


async def _looked_at(tab, name):
    """All of it fits a small phone, and every field has a label; a picture, if one is wanted."""
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert await tab.evaluate(width)
    unlabelled = (
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
        ".filter(field => !field.labels.length).length"
    )
    assert await tab.evaluate(unlabelled) == 0
    small = (
        "[...document.querySelectorAll('button, select')]"
        ".filter(each => each.getBoundingClientRect().height < 44).length"
    )
    assert await tab.evaluate(small) == 0
    if folder := os.environ.get("HANDRAIL_TEST_PICTURES"):
        picture = Path(folder) / f"{name}-320.png"
        picture.write_bytes(await tab.picture())
