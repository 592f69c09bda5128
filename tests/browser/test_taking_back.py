"""Taking a yes back in a real browser, on a phone and on a desk."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from shared.events import OnNo, Seat, StepApprovalWithdrawn
from tests.browser.test_approval import CONTRAST, LONG
from tests.notifier.builders import ALICE, BOB, approval

SEATS = (
    Seat(name="dba", people=(ALICE.email,)),
    Seat(name="security", people=(BOB.email,)),
)

TEAMS = LONG | {"seats": SEATS, "on_no": OnNo.MAJORITY, "who": ()}


async def test_a_yes_is_taken_back_and_may_be_given_again(site, tab):
    asked = await site.questions.open(approval(**TEAMS))
    await tab.open(site.url(asked))
    await tab.press("#approve")
    await tab.until("document.body.innerText.includes('1 more yes, of security')")
    await tab.press("#withdraw button")
    await tab.until("document.body.innerText.includes('What you said is taken back.')")
    assert (await site.questions.find(asked.id)).approvals == 0
    await tab.press("#approve")
    await tab.until("document.body.innerText.includes('Your answer is recorded: yes')")


async def test_a_settled_yes_that_is_taken_back_leads_to_the_new_question_by_itself(site, tab):
    asked = await site.questions.open(approval(people=(ALICE,)))
    await tab.open(site.url(asked))
    await tab.press("#approve")
    await tab.until("document.body.innerText.includes('you may take your yes back')")
    await tab.open(site.url(asked))
    await tab.press("#withdraw button")
    await tab.until("document.body.innerText.includes('A yes was taken back')")
    assert len(site.bus.of(StepApprovalWithdrawn)) == 1
    again = approval(approval_id=UUID(int=77), replaces=asked.id, again="alice took the yes back")
    await site.questions.open(again)
    await tab.until("document.body.innerText.includes('It is asked again: alice')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280], ids=["phone", "desk"])
@pytest.mark.parametrize("page", ["open", "back", "settled", "again"])
async def test_all_of_a_page_can_be_read_and_pressed(site, tab, page, width, dark):
    more = {"again": "alice@example.org took the yes back: wrong host"} if page == "again" else {}
    asked = approval(**LONG if page == "settled" else TEAMS, **more)
    asked = await site.questions.open(asked.model_copy(update={"required": 1}))
    await tab.look(width=width, dark=dark)
    await tab.open(site.url(asked))
    if page != "again":
        await tab.press("#approve")
        await tab.until("document.body.innerText.includes('Your answer is recorded: yes')")
        await tab.open(site.url(asked))
    if page == "back":
        await tab.press("#withdraw button")
        await tab.until("document.body.innerText.includes('What you said is taken back.')")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    assert await tab.evaluate(
        "[...document.querySelectorAll('button')].every(b => b.clientHeight >= 44)"
    )
    assert await tab.evaluate(CONTRAST) >= 4.5
    if folder := os.environ.get("HANDRAIL_TEST_PICTURES"):
        name = f"back-{page}-{width}-{'dark' if dark else 'light'}.png"
        (Path(folder) / name).write_bytes(await tab.picture())
