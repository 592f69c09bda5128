"""The page of an approval in a real browser, on a phone and on a desk."""

import json
import os
from pathlib import Path

import pytest

from shared.events import FeedbackGiven, StepApproved, StepRejected
from tests.notifier.builders import approval

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
