"""The page of an approval in a real browser, on a phone and on a desk."""

import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from shared.events import (
    Changeable,
    ChangeableField,
    ChangedValue,
    FeedbackGiven,
    Late,
    StepApproved,
    StepChange,
    StepChangeProposed,
    StepRejected,
    ValueType,
)
from tests.notifier.builders import NOW, approval

LONG = {
    "command": "kubectl --context=production rollout restart deployment/shop-api "
    "--namespace=shop --field-manager=handrail\nkubectl rollout status deployment/shop-api",
    "dry_run": "-image: registry.example.org/shop/api:2026.11.20\n"
    "+image: registry.example.org/shop/api:2026.11.21\n replicas: 4",
    "expects": "All four pods are ready within two minutes.",
    "who": ("alice@example.org", "on-call:primary"),
    "requester": "carol@example.org",
    "required": 2,
}


CHANGEABLE = {
    "command": "systemctl restart shop-api 'all of it' soft",
    "changeable": Changeable(
        fields=(
            ChangeableField(
                name="service", about="What systemd calls it", pattern="[a-z-]+", value="shop-api"
            ),
            ChangeableField(name="note", value="all of it"),
            ChangeableField(
                name="mode", type=ValueType.ENUM, options=("soft", "hard"), value="soft"
            ),
        ),
        texts=Late(
            templates={
                "run": "systemctl restart {{ service }} {{ note }} {{ mode }}",
                "rollback": "systemctl stop {{ service }} --no-block --job-mode=replace",
            },
            values={"service": "shop-api", "note": "all of it", "mode": "soft"},
            patterned=("service", "mode"),
        ),
    ),
}
CHANGED = StepChange(
    by="alice@example.org",
    at=NOW,
    reason="the database hangs, not the shop",
    values=(ChangedValue(name="service", old="shop-api", new="shop-db"),),
    before={"run": "systemctl restart shop-api 'all of it' soft"},
)


async def test_who_presses_approve_sees_that_it_is_recorded(site, tab):
    asked = await site.questions.open(approval())
    await tab.open(site.url(asked))
    await tab.press("#approve")
    await tab.until("document.body.innerText.includes('Your answer is recorded: yes')")
    assert (await site.questions.find(asked.id)).state == "approved"
    assert len(site.bus.of(StepApproved)) == 1
    assert [entry.action for entry in site.trail.entries] == ["viewed", "clicked", "decided"]


async def test_a_no_is_not_sent_before_a_reason_is_written(site, tab):
    asked = await site.questions.open(approval())
    await tab.open(site.url(asked))
    await tab.press("#reject button")
    assert await tab.evaluate("document.querySelector('#reason:invalid') !== null")
    assert (await site.questions.find(asked.id)).decisions == ()
    await tab.write("#reason", "wrong host")
    await tab.press("#reject button")
    await tab.until("document.body.innerText.includes('Your answer is recorded: no')")
    assert site.bus.of(StepRejected)[0].decisions[0].reason == "wrong host"


async def test_the_page_of_another_site_cannot_send_an_answer(site, tab):
    asked = await site.questions.open(approval())
    form = (
        f'<form method=post action="{site.url(asked)}"><input name=decision value=approve></form>'
    )
    await tab.open("data:text/html,<title>elsewhere</title>")
    await tab.evaluate(f"document.body.innerHTML = {json.dumps(form)}")
    await tab.evaluate("document.forms[0].submit()")
    await tab.until("document.body.innerText.includes('the page of another site')")
    assert (await site.questions.find(asked.id)).decisions == ()


async def test_the_page_cannot_be_framed_even_by_its_own_site(site, tab):
    asked = await site.questions.open(approval())
    await tab.open(f"{site.address}/framing")
    await tab.evaluate(f"document.body.innerHTML = '<iframe src={site.url(asked)}></iframe>'")
    # A page of the same site could be read; what stands for a page that was blocked cannot.
    await tab.until("(() => { try { return !frames[0].document } catch { return true } })()")


async def test_who_wants_other_values_sees_what_it_would_be_and_lands_on_the_new_question(
    site, tab
):
    asked = await site.questions.open(approval(**CHANGEABLE))
    await tab.open(site.url(asked))
    await tab.press(".change a")
    await tab.until("document.querySelector('input[name=\"value.service\"]') !== null")
    await tab.evaluate("document.querySelector('input[name=\"value.service\"]').value = ''")
    await tab.write('input[name="value.service"]', "shop-db")
    await tab.press("form button")
    await tab.until("document.body.innerText.includes('Nothing is sent yet')")
    assert "+ systemctl restart shop-db" in await tab.evaluate("document.body.innerText")
    assert (await site.questions.find(asked.id)).state == "pending"
    await tab.press("#confirm")
    await tab.until("document.body.innerText.includes('wants other values')")
    assert site.bus.of(StepChangeProposed)[0].proposal.values == {"service": "shop-db"}
    new = approval(
        **CHANGEABLE | {"command": "systemctl restart shop-db 'all of it' soft"},
        approval_id=UUID(int=77),
        step_hash="cd" * 32,
        replaces=asked.id,
        change=CHANGED,
    )
    await site.questions.open(new)
    # The page goes on by itself.
    await tab.until("document.body.innerText.includes('Changed by Alice')")
    await tab.press("#approve")
    await tab.until("document.body.innerText.includes('Your answer is recorded: yes')")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280], ids=["phone", "desk"])
@pytest.mark.parametrize("page", ["form", "wrong", "shown", "new"])
async def test_all_of_a_change_can_be_read_and_pressed(site, tab, page, width, dark):
    changed = {"change": CHANGED} if page == "new" else {}
    asked = await site.questions.open(approval(**LONG | CHANGEABLE | changed))
    await tab.look(width=width, dark=dark)
    await tab.open(site.url(asked) + ("" if page == "new" else "?change"))
    if page in ("wrong", "shown"):
        value = "shop-db" if page == "shown" else "a b"
        await tab.evaluate(
            f"document.querySelector('input[name=\"value.service\"]').value = '{value}'"
        )
        await tab.press("form button")
        said = "Nothing is sent yet" if page == "shown" else "is not what its pattern allows"
        await tab.until(f"document.body.innerText.includes('{said}')")
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    assert await tab.evaluate(
        "[...document.querySelectorAll('button, label.option')].every(b => b.clientHeight >= 44)"
    )
    assert await tab.evaluate(CONTRAST) >= 4.5
    if folder := os.environ.get("HANDRAIL_TEST_PICTURES"):
        name = f"change-{page}-{width}-{'dark' if dark else 'light'}.png"
        (Path(folder) / name).write_bytes(await tab.picture())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280], ids=["phone", "desk"])
@pytest.mark.parametrize("page", ["approval", "feedback"])
async def test_all_of_a_page_can_be_read_and_pressed(site, tab, page, width, dark):
    asked = await site.questions.open(approval(**LONG))
    await tab.look(width=width, dark=dark)
    await tab.open(site.url(asked) if page == "approval" else site.feedback_url())
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    assert await tab.evaluate(
        "[...document.querySelectorAll('button, label.option')].every(b => b.clientHeight >= 44)"
    )
    assert await tab.evaluate(CONTRAST) >= 4.5
    if folder := os.environ.get("HANDRAIL_TEST_PICTURES"):
        name = f"{page}-{width}-{'dark' if dark else 'light'}.png"
        (Path(folder) / name).write_bytes(await tab.picture())


async def test_who_says_that_it_was_fixed_sees_that_it_is_recorded(site, tab):
    await tab.open(site.feedback_url())
    await tab.press("input[name=fixed][value=yes]")
    await tab.press("input[name=stars][value='4']")
    await tab.write("#comment", "the second try helped")
    await tab.press("button")
    await tab.until("document.body.innerText.includes('that is recorded')")
    (given,) = site.bus.of(FeedbackGiven)
    assert (given.fixed, given.stars, given.comment) == (True, 4, "the second try helped")


#: The least contrast of any text to what is behind it, by the formula of WCAG 2.
CONTRAST = """
(() => {
  const parts = color => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = color => {
    const [r, g, b] = parts(color).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.querySelectorAll('main *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return Math.min(...texts.map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  }));
})()
"""
