"""The approval links, over HTTP."""

import asyncio
import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.api import question_links
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.door import Door
from services.notifier.links import Channel, make
from services.notifier.posted import BODY_OCTETS
from services.notifier.text import REASON_LENGTH
from shared.errors import UnavailableError
from shared.events import StepApproved, StepRejected
from tests.notifier.builders import (
    BOB,
    KEY,
    SESSION_ID,
    SIGNER,
    approval,
    link,
)
from tests.notifier.fakes import FakeCourses, FakeTrail

JSON = {"Accept": "application/json"}
APPROVE = {"decision": "approve"}
REJECT = {"decision": "reject", "reason": "wrong host"}


def client_of(store, clock, address="203.0.113.7", trail=None) -> httpx.AsyncClient:
    app = FastAPI()
    door = Door("https://handrail.example.org", clock)
    desk = WitnessedDesk(store, SIGNER, clock, trail=trail or FakeTrail())
    app.include_router(question_links(desk, key=KEY, now=clock, door=door, courses=FakeCourses()))
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://notifier")


@pytest.fixture
async def client(approvals, clock):
    async with client_of(approvals, clock) as client:
        yield client


def path(of, *recipient) -> str:
    return "/a/" + make(link(of, *recipient), key=KEY)


async def test_the_page_shows_what_would_run_and_all_that_is_known_of_it(client, approvals):
    asked = await approvals.open(approval(required=2))
    page = (await client.get(path(asked))).text
    for shown in (
        "systemctl restart shop-api",
        "web-1",
        "ssh",
        "high",
        "The process does not answer.",
        "systemctl says: inactive (dead)",
        "systemctl stop shop-api",
        "shop-api is down on web-1",
        "P1",
        "restart-service",
        "Alice, Bob",
        "2 yes from different people; 0 given",
        "04:00 UTC on 3 May",
        "in 1 hour",
        "is rejected and does not run",
    ):
        assert shown in page


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_a_scanner_that_follows_the_link_decides_nothing(client, approvals, bus, method):
    asked = await approvals.open(approval())
    for query in ("", "?decision=approve", "?decision=reject&reason=x"):
        await client.request(method, path(asked) + query)
    found = await approvals.find(asked.id)
    assert (found.state, found.decisions, bus.events) == ("pending", (), [])


async def test_a_post_approves(client, approvals, bus):
    asked = await approvals.open(approval())
    answer = await client.post(path(asked), data=APPROVE)
    assert answer.status_code == 200
    assert "Your answer is recorded: yes" in answer.text
    assert len(bus.of(StepApproved)) == 1


async def test_a_post_rejects_with_its_reason(client, approvals, bus):
    asked = await approvals.open(approval())
    answer = await client.post(path(asked), data=REJECT)
    assert "Your answer is recorded: no" in answer.text
    assert "wrong host" in answer.text
    assert bus.of(StepRejected)[0].decisions[0].reason == "wrong host"


async def test_a_replayed_post_records_nothing_and_says_what_stands(client, approvals, bus):
    asked = await approvals.open(approval(required=2))
    await client.post(path(asked), data=APPROVE)
    again = await client.post(path(asked), data=REJECT)
    assert again.status_code == 409
    assert "You answered <strong>yes</strong>" in again.text
    found = await approvals.find(asked.id)
    assert len(found.decisions) == 1
    assert bus.events == []


async def test_who_has_answered_sees_the_answer_and_may_only_take_it_back(client, approvals):
    asked = await approvals.open(approval(required=2))
    await client.post(path(asked), data=APPROVE)
    page = await client.get(path(asked))
    assert "You answered <strong>yes</strong>" in page.text
    assert "1 more yes" in page.text
    assert re.findall(r"<form[^>]*>", page.text) == ['<form method="post" id="withdraw">']


async def test_who_comes_after_the_decision_is_told_the_outcome(client, approvals, bus):
    asked = await approvals.open(approval())
    await client.post(path(asked), data=REJECT)
    late = await client.post(path(asked, BOB.email), data=APPROVE)
    assert late.status_code == 409
    assert "Your answer was not recorded" in late.text
    assert "Rejected" in late.text
    assert "Alice: no" in late.text
    page = await client.get(path(asked, BOB.email))
    assert "Rejected" in page.text
    assert "<form" not in page.text
    assert bus.of(StepApproved) == []


async def test_a_withdrawn_approval_says_so(client, approvals, clock):
    asked = await approvals.open(approval())
    await approvals.supersede(SESSION_ID, clock())
    assert "Withdrawn" in (await client.get(path(asked))).text
    answer = await client.post(path(asked), data=APPROVE)
    assert answer.status_code == 409
    assert "Withdrawn" in answer.text


async def test_of_two_posts_at_once_one_is_recorded(client, approvals, bus):
    asked = await approvals.open(approval())
    answers = await asyncio.gather(
        client.post(path(asked), data=APPROVE),
        client.post(path(asked, BOB.email), data=REJECT),
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    assert len(bus.events) == 1


@pytest.mark.parametrize("answer", ["approve", "reject"])
async def test_a_link_that_a_whole_room_has_seen_shows_and_decides_nothing(
    client, approvals, bus, answer
):
    await approvals.open(approval())
    address = path(approval(), "#ops", Channel.ROOM)
    page = await client.get(address)
    assert "systemctl restart shop-api" in page.text
    assert "<form" not in page.text
    said = {"decision": answer, "reason": "no"}
    refused = await client.post(address, data=said)
    assert (refused.status_code, bus.events) == (403, [])
    assert "whole room" in refused.text
    assert (await approvals.find(approval().id)).state == "pending"


async def test_every_link_that_does_not_work_is_answered_alike(client, approvals, clock):
    asked = await approvals.open(approval())
    token = make(link(asked), key=KEY)
    unknown = asked.model_copy(update={"id": UUID(int=99)})
    elsewhere = asked.model_copy(update={"step_hash": "cd" * 32})
    paths = [
        "/a/nonsense",
        "/a/" + "A" * 4000,
        "/a/%F0%9F%92%A9",
        "/a/" + token[:-6],
        "/a/" + token.replace(token[5], "~", 1),
        path(unknown),
        path(elsewhere),
    ]
    answers = [await client.get(each) for each in paths]
    answers += [await client.post(each, data=APPROVE) for each in paths]
    clock.now = asked.expires_at + timedelta(seconds=1)
    answers += [await client.get(path(asked)), await client.post(path(asked), data=APPROVE)]
    assert {a.status_code for a in answers} == {404}
    assert len({a.content for a in answers}) == 1
    assert len({tuple(sorted(a.headers.items())) for a in answers}) == 1
    assert (await approvals.find(asked.id)).decisions == ()


async def test_an_expired_link_records_nothing_before_the_expiry_is_stored(
    client, approvals, clock, bus
):
    asked = await approvals.open(approval())
    clock.now = asked.expires_at
    answer = await client.post(path(asked), data=APPROVE)
    assert answer.status_code == 404
    assert bus.events == []


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        ({"decision": "reject"}, 422, "needs a reason"),
        ({"decision": "reject", "reason": " \r\n\t\x00 "}, 422, "needs a reason"),
        ({"decision": "reject", "reason": "x" * (REASON_LENGTH + 1)}, 422, "shorten it"),
        ({"decision": "maybe"}, 422, "decision"),
        ({}, 415, "send a form"),
        ({"decision": "approve", "reason": "x" * BODY_OCTETS}, 413, "at most"),
    ],
)
async def test_a_wrong_answer_says_what_to_change_and_records_nothing(
    client, approvals, bus, *, data, status, message
):
    asked = await approvals.open(approval())
    page = await client.post(path(asked), data=data)
    assert (page.status_code, bus.events) == (status, [])
    assert "Nothing was recorded yet" in page.text
    assert message in page.text
    assert "<form" in page.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"decision": 1}', "application/json", 422),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 50), "application/x-www-form-urlencoded", 400),
        (b"decision=approve", "text/plain", 415),
        (b"decision=approve", "multipart/form-data; boundary=x", 415),
    ],
)
async def test_a_broken_body_is_a_clear_answer(client, approvals, bus, *, body, kind, status):
    asked = await approvals.open(approval())
    answer = await client.post(path(asked), content=body, headers={"Content-Type": kind, **JSON})
    assert (answer.status_code, bus.events) == (status, [])
    assert answer.json()["error"]


async def test_what_was_written_is_still_in_the_form_after_a_mistake(client, approvals):
    asked = await approvals.open(approval())
    page = await client.post(path(asked), data={"decision": "no", "reason": "<b>wrong</b>"})
    assert "&lt;b&gt;wrong&lt;/b&gt;</textarea>" in page.text


async def test_a_reason_loses_controls_and_keeps_its_lines(client, approvals, bus):
    asked = await approvals.open(approval())
    await client.post(path(asked), data={"decision": "reject", "reason": "wrong\x1b[2J\r\nhost"})
    assert bus.of(StepRejected)[0].decisions[0].reason == "wrong[2J\nhost"


async def test_a_program_gets_and_posts_json(client, approvals):
    asked = await approvals.open(approval(people=()))
    address = path(asked, "alice", Channel.TERMINAL)
    shown = (await client.get(address, headers=JSON)).json()
    assert (shown["command"], shown["state"], shown["open"]) == (
        "systemctl restart shop-api",
        "pending",
        True,
    )
    posted = await client.post(address, json=APPROVE, headers=JSON)
    assert posted.status_code == 200
    assert (posted.json()["outcome"], posted.json()["state"]) == ("recorded", "approved")
    again = await client.post(address, json=APPROVE, headers=JSON)
    assert (again.status_code, again.json()["outcome"]) == (409, "already_answered")
    assert again.json()["you"]["answered"]["answer"] == "approve"


async def test_no_page_and_no_json_carries_a_signature_or_the_trace(client, approvals):
    asked = await approvals.open(approval(required=2))
    await client.post(path(asked), data=APPROVE)
    signature = (await approvals.find(asked.id)).decisions[0].signature
    for headers in ({}, JSON):
        answer = await client.get(path(asked), headers=headers)
        assert signature not in answer.text
        assert asked.trace not in answer.text


MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


async def test_what_strangers_wrote_is_text_on_the_page(client, approvals):
    wrote = dict.fromkeys(
        ("ticket_title", "title", "target", "connector", "command", "why", "rollback", "runbook"),
        MARKUP,
    )
    asked = await approvals.open(approval(evidence=(MARKUP,), **wrote, required=2))
    await client.post(path(asked), data={"decision": "approve", "reason": MARKUP})
    for recipient in ((), (BOB.email,), (MARKUP,)):
        page = (await client.get(path(asked, *recipient))).text
        assert Tags.of(page).isdisjoint({"script", "img"})
        assert "&lt;script&gt;" in page


async def test_a_command_cannot_hide_what_it_does(client, approvals):
    asked = await approvals.open(approval(command="echo \u202egnp.x\u202c\u200b; rm -rf /"))
    page = (await client.get(path(asked))).text
    assert "echo \\u{202e}gnp.x\\u{202c}\\u{200b}; rm -rf /" in page


async def test_every_answer_forbids_scripts_frames_caches_and_referrers(client, approvals):
    asked = await approvals.open(approval())
    answers = [
        await client.get(path(asked)),
        await client.get(path(asked), headers=JSON),
        await client.get("/a/nonsense"),
        await client.post(path(asked), data={"decision": "maybe"}),
        await client.post(path(asked), data=APPROVE),
        await client.post(path(asked), data=APPROVE),
    ]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_policy_allows_the_style_of_the_page(client, approvals):
    asked = await approvals.open(approval())
    answer = await client.get(path(asked))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


async def test_each_line_of_a_command_is_a_line_of_its_own(client, approvals):
    asked = await approvals.open(approval(command="cd /tmp\n\nls <x>"))
    page = (await client.get(path(asked))).text
    lines = '<span class="line">cd /tmp</span><span class="line"></span>'
    assert lines + '<span class="line">ls &lt;x&gt;</span></pre>' in page


async def test_the_page_has_no_script_no_inline_style_and_nothing_from_elsewhere(client, approvals):
    asked = await approvals.open(approval())
    page = (await client.get(path(asked))).text
    assert "script" not in Tags.of(page)
    assert re.findall(r"\s(?:on\w+|style|src|href)=(?!\"\?)", page) == []


async def test_every_field_has_a_label(client, approvals):
    asked = await approvals.open(approval())
    page = (await client.get(path(asked))).text
    fields = re.findall(r'<(?:textarea|input(?! type="hidden"))[^>]* id="(\w+)"', page)
    assert fields == re.findall(r'<label for="(\w+)"', page)
    assert '<html lang="en">' in page


class Broken:
    """A store whose server does not answer."""

    async def find(self, approval_id):
        raise UnavailableError("MongoDB does not answer")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_the_database_people_are_told_to_try_again(clock, method):
    async with client_of(Broken(), clock) as client:
        answer = await client.request(method, path(approval()))
        program = await client.request(method, path(approval()), headers=JSON)
    assert (answer.status_code, program.status_code) == (503, 503)
    assert answer.headers["Retry-After"] == "5"
    assert "Open the link again" in answer.text


class Tags(HTMLParser):
    """The elements that a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)

    @classmethod
    def of(cls, page) -> set[str]:
        parser = cls()
        parser.feed(page)
        return parser.seen


async def test_whose_yes_does_not_count_is_told_whose_does(client, approvals, bus):
    asked = await approvals.open(approval(who=("bob@example.org",)))
    answer = await client.post(path(asked), data=APPROVE)
    assert answer.status_code == 403
    assert "the answer of others is wanted here: bob@example.org" in answer.text
    assert (await approvals.find(asked.id)).decisions == ()
    assert bus.events == []


async def test_the_page_shows_what_it_would_change_who_counts_and_what_happened(client, approvals):
    asked = await approvals.open(
        approval(
            check="test -e <x>",
            dry_run="-replicas: 1\n+replicas: <2>",
            expects="The pods are ready.",
            who=("bob@example.org",),
            requester="alice@example.org",
        )
    )
    page = (await client.get(path(asked))).text
    for shown in (
        '<span class="line removed">-replicas: 1</span>',
        '<span class="line added">+replicas: &lt;2&gt;</span>',
        '<span class="line">test -e &lt;x&gt;</span>',
        "The pods are ready.",
        "Whose yes counts</dt><dd>bob@example.org",
        "Alice, whose own yes does not count",
        "What happened so far",
        "The problem was reported",
    ):
        assert shown in page
