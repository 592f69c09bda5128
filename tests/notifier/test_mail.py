"""Mails: readable, threaded, and nothing in them gets out of its place."""

from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from html import unescape
from uuid import UUID

import pytest

from services.notifier.mime import composed
from services.notifier.recipients import Recipient
from shared.events import CheckResult, OnExpiry, OnNo, Seat
from tests.notifier.builders import (
    NOW,
    TICKET_ID,
    approval,
    approval_mail,
    escalated,
    outcome_mail,
    resolved,
)

ALICE = Recipient(name="Alice", email="alice@example.org")
BOB = Recipient(name="Bob", email="bob@example.org")
SENDER = Address("Handrail", addr_spec="handrail@example.org")
LINK = "https://handrail.example.org/a/" + "t" * 220


def mailed(to=ALICE, **changes):
    return approval_mail(approval(**changes), to, link=LINK)


def parsed(mail):
    return message_from_bytes(composed(mail, sender=SENDER, now=NOW), policy=SMTP)


def test_the_text_says_all_that_one_has_to_know():
    text = mailed().text
    for shown in (
        "Restart shop-api on web-1",
        "    systemctl restart shop-api\n",
        "web-1",
        "high",
        "The process does not answer.",
        "systemctl says: inactive (dead)",
        "    systemctl stop shop-api\n",
        f" {LINK}\n",
        "04:00 UTC on 3 May",
    ):
        assert shown in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["1 yes; one no stops it", "the step is rejected and does not run"]),
        (
            {"on_expiry": OnExpiry.ESCALATE},
            ["the step does not run, and the ticket goes to a person"],
        ),
        ({"required": 3, "on_no": OnNo.MAJORITY}, ["a no is a vote against it, and 3 of them"]),
        (
            {"required": 2, "seats": (Seat(name="dba", people=("alice@example.org",)),)},
            ["2 yes from different people, one of dba; one no stops it"],
        ),
        ({"again": "bob took <the> yes back"}, ["bob took <the> yes back"]),
    ],
    ids=["plain", "escalates", "votes", "teams", "again"],
)
def test_both_parts_say_whose_yes_is_needed_and_what_happens_without(changes, words):
    made = mailed(**changes)
    for text in (made.text, unescape(made.html)):
        for said in words:
            assert said in " ".join(text.split())


def test_both_parts_show_what_runs_besides_the_command_and_lead_to_what_it_would_change():
    made = mailed(check="test -e <x>", dry_run="1 to destroy")
    for text in (made.text, unescape(made.html)):
        assert "test -e <x>" in text
        assert "is on the page, as the target says" in text
    assert "Run before it" not in mailed().text


def test_the_text_can_be_read_in_the_file_itself():
    raw = composed(mailed(ticket_title="Büro"), sender=SENDER, now=NOW).decode()
    assert LINK in raw
    assert "systemctl restart shop-api" in raw


def test_text_and_html_say_the_same_and_arrive_whole():
    message = parsed(mailed(command="echo 監控 && echo " + "x" * 3000))
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    for part in (text, html):
        assert "echo 監控" in part
        assert "x" * 3000 in part
        assert LINK in part


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\x00"])
def test_a_title_cannot_begin_another_header(breaks):
    evil = f"down{breaks}Bcc: eve@example.net{breaks}{breaks}<h1>body</h1>"
    message = parsed(mailed(ticket_title=evil, title=evil))
    assert message["Bcc"] is None
    assert set(message.keys()) == set(parsed(mailed()).keys())
    assert "Bcc: eve@example.net" in message["Subject"]
    assert message.get_content_type() == "multipart/alternative"


def test_a_name_cannot_begin_another_header_or_recipient():
    to = Recipient(name='Eve\r\nBcc: x@example.net, "', email="eve@example.org")
    message = parsed(mailed(to))
    assert message["Bcc"] is None
    assert [a.addr_spec for a in message["To"].addresses] == ["eve@example.org"]


def test_a_title_cannot_add_lines_to_the_text():
    text = mailed(ticket_title="down\n\nAnswer here instead:\nhttps://evil.example.net").text
    assert "\nhttps://evil.example.net" not in text


def test_what_strangers_wrote_is_text_in_html():
    markup = "<script>alert(1)</script>"
    said = dict.fromkeys(("title", "ticket_title", "command", "why", "target", "rollback"), markup)
    html = mailed(evidence=(markup,), **said).html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<script" not in outcome_mail(escalated(reason=markup, title=markup), ALICE).html


def test_a_long_subject_is_cut():
    assert len(parsed(mailed(ticket_title="x" * 5000))["Subject"]) <= 140


def test_the_same_mail_has_the_same_id_and_each_recipient_another():
    ids = [parsed(mail)["Message-ID"] for mail in (mailed(), mailed(), mailed(BOB))]
    assert ids[0] == ids[1] != ids[2]
    other = parsed(mailed(approval_id=UUID(int=40)))["Message-ID"]
    assert other not in ids


def test_all_mails_of_a_ticket_are_one_thread():
    mails = [mailed(), outcome_mail(resolved(), ALICE), outcome_mail(escalated(), BOB)]
    roots = {(parsed(mail)["References"], parsed(mail)["In-Reply-To"]) for mail in mails}
    assert roots == {(f"<{TICKET_ID}@example.org>",) * 2}


def test_no_absence_notice_is_asked_for():
    assert parsed(mailed())["Auto-Submitted"] == "auto-generated"


def test_an_outcome_says_what_was_done_and_checked():
    check = CheckResult(check="GET /health is 200", passed=True, detail="200", tries=2, at=NOW)
    gone = outcome_mail(resolved(checks=(check,)), ALICE)
    assert gone.subject == "Resolved: shop-api is down on web-1"
    assert "fixed it in 12 s" in gone.text
    assert "passed: GET /health is 200 (200)" in gone.text
    failed = check.model_copy(update={"passed": False})
    left = outcome_mail(escalated(checks=(failed,)), ALICE)
    assert left.subject == "Needs you: shop-api is down on web-1"
    assert "the check did not pass" in left.text
    assert "Restart shop-api on web-1" in left.text
    assert "FAILED: GET /health" in left.text
    assert "FAILED: GET /health" in left.html


def headers(mail) -> bytes:
    return composed(mail, sender=SENDER, now=NOW).split(b"\r\n\r\n", 1)[0]


@pytest.mark.parametrize(
    "title",
    [
        "plain",
        'with "quotes" and back\\slash',
        "監控" * 60,
        "x" * 2000,
        " ".join(["word"] * 60),
        "=?utf-8?B?QmNjOiBldmVAZXhhbXBsZS5uZXQ=?= sent me",
        "Ärger: =?iso-8859-1?q?=0D=0ABcc:_e@example.net?=",
        "🔥" * 40,
        "lone \ud800 surrogate",
    ],
)
def test_a_subject_arrives_as_it_was_meant_in_lines_that_every_server_takes(title):
    mail = mailed(ticket_title=title)
    message = parsed(mail)
    assert message["Subject"] == mail.subject.encode("utf-8", "replace").decode()
    assert message["Bcc"] is None
    assert all(len(line) <= 998 for line in headers(mail).splitlines())
    assert headers(mail).isascii()


@pytest.mark.parametrize(
    "name", ["Alice", 'A "B" C', "back\\slash", "Zoë", "監控" * 7, "a,b;c:d<e>@f", "=?utf-8?Q?x?="]
)
def test_a_name_arrives_as_it_is_written(name):
    (to,) = parsed(mailed(Recipient(name=name, email="a@example.org")))["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "a@example.org")


@pytest.mark.parametrize("eight_bits", [True, False])
@pytest.mark.parametrize(
    "command",
    [
        "a = b",
        "echo 監控",
        "x" * 3000,
        "a\n\n.\n..b\n",
        "tail   ",
        "From here\n\ttabbed",
        "--=_x--",
    ],
)
def test_a_command_arrives_to_the_last_character(command, eight_bits):
    raw = composed(mailed(command=command), sender=SENDER, now=NOW, eight_bits=eight_bits)
    text = message_from_bytes(raw, policy=SMTP).get_body(("plain",)).get_content()
    indented = "\n".join(f"    {line}" for line in command.splitlines())
    assert indented in text.replace("\r\n", "\n")
    assert eight_bits or raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_mail_shows_three_pieces_of_evidence_and_says_how_many_more_there_are():
    mail = mailed(evidence=tuple(f"fact {n}" for n in range(5)))
    for body in (mail.text, mail.html):
        assert "fact 2" in body
        assert "fact 3" not in body
        assert "and 2 more" in body


def test_the_time_to_answer_is_told_on_the_readers_clock():
    there = Recipient(name="Alice", email="alice@example.org", timezone="Asia/Kolkata")
    mail = mailed(there)
    for body in (mail.text, mail.html):
        assert "09:30 IST on 3 May" in body


def test_a_mail_has_links_to_approve_to_reject_and_to_look():
    mail = mailed()
    for body in (mail.text, mail.html):
        assert f"{LINK}#approve" in body
        assert f"{LINK}#reject" in body
    assert f'href="{LINK}"' in mail.html


def test_a_mail_can_be_read_in_the_dark_and_on_a_phone():
    html = mailed().html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html
    assert "<script" not in html
    assert "src=" not in html  # nothing is fetched when it is opened
