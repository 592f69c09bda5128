"""Mails over SMTP, to a real server."""

import asyncio
import socket
from email.headerregistry import Address

import pytest
from pydantic import SecretStr

from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.message import Asking
from services.notifier.channels.messenger import RefusedError
from services.notifier.connections import MOST
from services.notifier.delivery import Postman
from services.notifier.recipients import Recipient
from services.notifier.smtp import Security, Server, SmtpMailer
from shared.errors import SettingsError, UnavailableError
from tests.notifier.builders import NOW, approval, approval_mail
from tests.notifier.smtpd import authenticator, certificate, mail_server

ALICE = Recipient(name="Alice", email="alice@example.org")
SENDER = Address("Handrail", addr_spec="handrail@example.org")
MAIL = approval_mail(approval(ticket_title="Büro 監控"), ALICE, link="https://h.example.org/a/t")


opened: list[SmtpMailer] = []


def mailer(url: str, **more) -> SmtpMailer:
    opened.append(SmtpMailer(Server.parse(SecretStr(url)), sender=SENDER, **more))
    return opened[-1]


@pytest.fixture(autouse=True)
async def closed():
    """Every connection is closed at the end of its test."""
    yield
    while opened:
        await opened.pop().close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


async def test_a_mail_arrives_as_it_was_written():
    async with mail_server() as inbox:
        await mailer(f"smtp://localhost:{inbox.port}").send(MAIL, now=NOW)
    (arrived,) = inbox.mails
    assert inbox.to == [ALICE.email]
    assert arrived["Subject"] == MAIL.subject
    assert arrived["Date"].datetime == NOW.replace(microsecond=0)
    assert arrived.get_body(("plain",)).get_content().replace("\r\n", "\n") == MAIL.text
    assert arrived.get_body(("html",)).get_content().replace("\r\n", "\n") == MAIL.html


async def test_a_server_that_offers_encryption_is_taken_at_its_word(tls):
    async with mail_server(tls_context=tls[0]) as inbox:
        await mailer(f"smtp://localhost:{inbox.port}").send(MAIL, now=NOW)
    assert inbox.encrypted == [True]


async def test_a_password_is_sent_after_starttls(tls):
    async with mail_server(tls_context=tls[0], authenticator=authenticator) as inbox:
        url = f"smtp://handrail:p%40ss%2Fword@localhost:{inbox.port}"
        await mailer(url, ca_file=str(tls[1])).send(MAIL, now=NOW)
    assert (inbox.encrypted, inbox.authenticated) == ([True], [True])


async def test_implicit_tls_needs_no_starttls(tls):
    async with mail_server(
        implicit=tls[0], authenticator=authenticator, auth_require_tls=False
    ) as inbox:
        url = f"smtps://handrail:p%40ss%2Fword@localhost:{inbox.port}"
        await mailer(url, ca_file=str(tls[1])).send(MAIL, now=NOW)
    assert inbox.authenticated == [True]


async def test_a_password_is_never_sent_in_the_clear():
    async with mail_server(authenticator=authenticator, auth_require_tls=False) as inbox:
        with pytest.raises(UnavailableError, match="STARTTLS"):
            await mailer(f"smtp://handrail:secret@localhost:{inbox.port}").send(MAIL, now=NOW)
    assert inbox.mails == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_of_a_stranger_is_not_trusted_with_a_password(tls, scheme):
    more = {"implicit": tls[0]} if scheme == "smtps" else {"tls_context": tls[0]}
    async with mail_server(authenticator=authenticator, **more) as inbox:
        with pytest.raises(UnavailableError, match=r"(?i)certificate"):
            await mailer(f"{scheme}://handrail:secret@localhost:{inbox.port}").send(MAIL, now=NOW)
    assert inbox.mails == []


@pytest.mark.parametrize(
    ("where", "answer", "error"),
    [
        (ALICE.email, "550 5.1.1 no such user", RefusedError),
        (ALICE.email, "553 not here", RefusedError),
        (ALICE.email, "451 4.7.1 greylisted", UnavailableError),
        (ALICE.email, "452 mailbox full", UnavailableError),
        ("DATA", "554 5.7.1 looks like spam", RefusedError),
        ("DATA", "451 try again", UnavailableError),
        # What is wrong with this installation can be put right while the mail waits.
        ("handrail@example.org", "550 5.7.1 may not send from there", UnavailableError),
    ],
)
async def test_what_a_server_says_decides_between_never_and_later(where, answer, error):
    async with mail_server() as inbox:
        inbox.answers[where] = answer
        with pytest.raises(error, match=answer.split()[0]):
            await mailer(f"smtp://localhost:{inbox.port}").send(MAIL, now=NOW)
    assert inbox.mails == []


async def test_a_wrong_password_can_be_put_right_while_the_mail_waits(tls):
    async with mail_server(tls_context=tls[0], authenticator=authenticator) as inbox:
        url = f"smtp://handrail:hunter2@localhost:{inbox.port}"
        with pytest.raises(UnavailableError, match="535") as told:
            await mailer(url, ca_file=str(tls[1])).send(MAIL, now=NOW)
    assert "hunter2" not in str(told.value)


async def test_a_server_that_is_not_there_is_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnavailableError):
            await mailer(url).send(MAIL, now=NOW)


async def test_a_server_without_eight_bits_still_gets_the_whole_text():
    async with mail_server() as inbox:
        inbox.handle_EHLO = _no_extensions
        await mailer(f"smtp://localhost:{inbox.port}").send(MAIL, now=NOW)
    assert "監控" in inbox.mails[0].get_body(("plain",)).get_content()


async def _no_extensions(server, session, envelope, hostname, responses):
    session.host_name = hostname
    return ["250 HELP"]


async def test_mails_one_after_the_other_share_a_connection():
    async with mail_server() as inbox:
        post = mailer(f"smtp://localhost:{inbox.port}")
        for _ in range(5):
            await post.send(MAIL, now=NOW)
    assert (len(inbox.mails), len(inbox.sessions)) == (5, 1)


async def test_mails_at_the_same_time_share_a_few_connections():
    async with mail_server() as inbox:
        post = mailer(f"smtp://localhost:{inbox.port}")
        await asyncio.gather(*(post.send(MAIL, now=NOW) for _ in range(30)))
    assert len(inbox.mails) == 30
    assert len(inbox.sessions) <= MOST


async def test_a_refusal_does_not_cost_the_connection():
    async with mail_server() as inbox:
        inbox.answers[ALICE.email] = "550 no such user"
        post = mailer(f"smtp://localhost:{inbox.port}")
        with pytest.raises(RefusedError):
            await post.send(MAIL, now=NOW)
        inbox.answers.clear()
        await post.send(MAIL, now=NOW)
        await post.send(MAIL, now=NOW)
    assert (len(inbox.mails), len(inbox.sessions)) == (2, 1)


async def test_one_who_is_refused_and_one_who_has_to_wait_keep_nobody_else_waiting():
    marked = {}

    async def mark(recipient):
        marked[recipient.name] = (recipient.status.value, recipient.error[:3])

    people = [Recipient(name=n, email=f"{n}@example.org") for n in ("no", "later", "yes")]
    async with mail_server() as inbox:
        inbox.answers |= {"no@example.org": "550 no such user", "later@example.org": "451 later"}
        post = EmailMessenger(mailer(f"smtp://localhost:{inbox.port}"))
        messages = [Asking(approval(), to, "https://h.example.org/a/t") for to in people]
        await Postman({"email": post}).deliver(messages, now=NOW, mark=mark)
    assert marked == {"no": ("failed", "550"), "later": ("queued", "451"), "yes": ("sent", "")}
    assert inbox.to == ["yes@example.org"]


async def test_a_connection_that_the_server_ended_is_made_anew():
    async with mail_server() as inbox:
        post = mailer(f"smtp://localhost:{inbox.port}")
        await post.send(MAIL, now=NOW)
        (_, kept), *_ = post._connections._idle
        inbox.transports[0].close()
        async with asyncio.timeout(30):
            while kept.is_connected:
                await asyncio.sleep(0.01)
        await post.send(MAIL, now=NOW)
    assert len(inbox.mails) == 2


async def test_connections_that_nobody_needs_are_closed():
    async with mail_server() as inbox:
        post = mailer(f"smtp://localhost:{inbox.port}")
        await post.send(MAIL, now=NOW)
        await post.tidy()
        assert len(post._connections._idle) == 1
        post._connections._idle = [(0.0, smtp) for _, smtp in post._connections._idle]
        await post.tidy()
    assert post._connections._idle == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", Server("mail", 587, Security.AUTO)),
        ("smtp://mail:25?starttls=never", Server("mail", 25, Security.NEVER)),
        ("smtp://mail?starttls=always", Server("mail", 587, Security.ALWAYS)),
        ("smtps://mail", Server("mail", 465, Security.IMPLICIT)),
        (
            "smtp://a%40b:c%3Ad@mail",
            Server("mail", 587, Security.ALWAYS, "a@b", SecretStr("c:d")),
        ),
        ("smtp://[::1]:2525", Server("::1", 2525, Security.AUTO)),
    ],
)
def test_a_url_names_a_server(url, server):
    assert Server.parse(SecretStr(url)) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail",
        "http://s3cret@mail",
        "smtp://u:s3cret@",
        "smtp://u:s3cret@mail:99999",
        "smtp://u:s3cret@mail:x",
        "smtp://u:s3cret@mail?starttls=maybe",
        "smtp://u:s3cret@[mail",
    ],
)
def test_a_wrong_url_is_named_without_what_it_hides(url):
    with pytest.raises(SettingsError, match="HANDRAIL_SMTP_URL: ") as told:
        Server.parse(SecretStr(url))
    assert "s3cret" not in str(told.value)
