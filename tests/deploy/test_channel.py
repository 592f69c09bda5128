"""Channels on the command line."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.notifier.channels.server import other_system

CONFIG = """\
people: [{{name: Alice, email: alice@example.org}}]
channels:
  hook: {{kind: webhook, url: "{url}/h", secret: {{env: HOOK_SECRET}}, tell: []}}
  bot: {{kind: telegram, token: {{env: HOOK_SECRET}}}}
"""


@pytest.fixture
async def other():
    async with other_system() as made:
        yield made


@pytest.fixture
def handrail(other, tmp_path, monkeypatch):
    """Runs a command where there is a handrail.yaml and nothing that runs."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "HANDRAIL_CONFIG",
        "HANDRAIL_SMTP_URL",
        "HANDRAIL_MAIL_FROM",
        "HANDRAIL_PUBLIC_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    (tmp_path / "handrail.yaml").write_text(CONFIG.format(url=other.url))

    async def run(*arguments, input=None):  # noqa: A002 as the runner calls it
        # In a thread: the command has a loop of its own, and the server is in this one.
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, input=input)

    return run


async def test_every_channel_is_listed_with_where_it_leads(handrail):
    rows = json.loads((await handrail("channel", "list", "--json")).stdout)
    assert [(row["name"], row["kind"], row["to"], row["tell"]) for row in rows] == [
        ("email", "email", "each person's mailbox", ["resolved", "escalated"]),
        ("hook", "webhook", "a room (its links only show)", []),
        ("bot", "telegram", "each person", ["resolved", "escalated"]),
    ]
    assert "hook" in (await handrail("channel", "list")).stdout


async def test_a_test_message_goes_out_and_says_that_it_is_one(handrail, other):
    result = await handrail("channel", "test", "hook")
    assert (result.exit_code, result.stdout) == (0, "sent over hook to hook\n")
    ((_, headers, body),) = other.posts
    assert "Handrail-Signature" in headers
    assert json.loads(body)["title"] == "this is only a test"


async def test_a_test_mail_lies_in_the_outbox_where_there_is_no_server(handrail, tmp_path):
    result = await handrail("channel", "test", "email", "--to", "ALICE@example.org", "--json")
    assert json.loads(result.stdout)["sent_to"]["name"] == "Alice"
    (file,) = (tmp_path / "home" / "outbox").iterdir()
    assert "this is only a test" in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "there is no channel nowhere: there are email, hook, bot"),
        (("bot",), "bot: nobody of `people` is reached by it"),
        (("email", "--to", "x@example.org"), "email: nobody x@example.org is reached"),
    ],
)
async def test_what_cannot_be_tried_is_told(handrail, arguments, told):
    result = await handrail("channel", "test", *arguments)
    assert result.exit_code != 0
    assert told in result.stderr


async def test_a_channel_that_does_not_take_it_is_told_without_secrets(handrail, other):
    other.usual = (403, {})
    result = await handrail("channel", "test", "hook")
    assert result.exit_code != 0
    assert "hook: answered 403" in result.stderr
    assert "s3cret" not in result.stderr


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ((200, {"outcome": "bounced"}), 0, "recorded: the message did not arrive"),
        ((200, {"outcome": "known"}), 0, "known already"),
        ((200, {"outcome": "none", "why": "it says: delayed"}), 0, "nothing to do: it says"),
        ((404, {"error": "no mail of this installation"}), 1, "no mail of this installation"),
        ((503, {"error": "not now"}), 75, "try again later"),
    ],
    ids=["bounced", "known", "none", "unknown", "later"],
)
async def test_a_mail_that_came_back_is_handed_to_the_notifier(
    *, handrail, other, monkeypatch, answer, status, told
):
    monkeypatch.setenv("HANDRAIL_PUBLIC_URL", other.url)
    other.answers.append(answer)
    result = await handrail("channel", "bounce", "--to", "b+x@example.org", input=b"To: x\r\n\r\n")
    assert (result.exit_code, told in result.output) == (status, True)
    ((path, _, body),) = other.posts
    assert (path, body) == ("/mail/bounces", b"To: x\r\n\r\n")


async def test_a_mail_server_comes_again_where_nobody_answers(handrail, monkeypatch):
    monkeypatch.setenv("HANDRAIL_PUBLIC_URL", "http://127.0.0.1:1")
    assert (await handrail("channel", "bounce", input=b"")).exit_code == 75
