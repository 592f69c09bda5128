"""Mails: readable, threaded, and nothing in them gets out of its place."""

from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from uuid import UUID

import pytest

from services.notifier.mail import mime
from services.notifier.recipients import Recipient
from shared.events import CheckResult
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
    return message_from_bytes(mime(mail, sender=SENDER).as_bytes(), policy=SMTP)


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
        f"\n{LINK}\n",
        "04:00 UTC on 3 May",
    ):
        assert shown in text


def test_the_text_can_be_read_in_the_file_itself():
    raw = mime(mailed(ticket_title="Büro"), sender=SENDER).as_bytes().decode()
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
