"""Mails as files."""

import stat
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from functools import partial
from io import StringIO

import pytest

from services.notifier.folder import FolderMailer, TerminalMailer, on_terminal
from services.notifier.recipients import Recipient
from shared.errors import UnavailableError
from tests.notifier.builders import NOW, approval, approval_mail, outcome_mail, resolved

SENDER = Address("Handrail", addr_spec="handrail@localhost")
LINK = "https://handrail.example.org/a/token"


def mailed(email="alice@example.org"):
    return approval_mail(approval(), Recipient(name="Alice", email=email), link=LINK)


def folder(path, shown) -> FolderMailer:
    return FolderMailer(path / "home" / "outbox", sender=SENDER, announce=shown.append)


async def test_a_mail_becomes_a_file_and_its_link_is_shown(tmp_path):
    shown = []
    await folder(tmp_path, shown).send(mailed(), now=NOW)
    (file,) = (tmp_path / "home" / "outbox").iterdir()
    assert file.name == "20300503T030000.123456Z-00000000-alice@example.org.eml"
    message = message_from_bytes(file.read_bytes(), policy=SMTP)
    assert message["To"] == "Alice <alice@example.org>"
    assert LINK in message.get_body(("plain",)).get_content()
    (line,) = shown
    assert line.startswith("Alice: [P1] Approve?")
    assert line.endswith(f"\n  {LINK}")


async def test_a_file_with_a_link_is_for_its_owner_only(tmp_path):
    await folder(tmp_path, []).send(mailed(), now=NOW)
    (file,) = (tmp_path / "home" / "outbox").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_an_address_cannot_lead_out_of_the_folder(tmp_path):
    await folder(tmp_path, []).send(mailed("/tmp/x@" + "y" * 300), now=NOW)
    (file,) = (tmp_path / "home" / "outbox").iterdir()
    assert file.suffix == ".eml"


async def test_an_outcome_has_no_link_to_show(tmp_path):
    shown = []
    to = Recipient(name="Alice", email="alice@example.org")
    await folder(tmp_path, shown).send(outcome_mail(resolved(), to), now=NOW)
    assert shown == []


async def test_a_folder_that_cannot_be_written_is_tried_again_and_shows_nothing(tmp_path):
    (tmp_path / "home").write_text("a file is in the way")
    shown = []
    with pytest.raises(UnavailableError):
        await folder(tmp_path, shown).send(mailed(), now=NOW)
    assert shown == []


class Terminal(StringIO):
    def isatty(self):
        return True


async def test_the_terminal_gets_one_plain_line():
    terminal = Terminal()
    await TerminalMailer(partial(on_terminal, stream=terminal)).send(mailed(), now=NOW)
    assert terminal.getvalue() == f"read and answer: {LINK}\n"


async def test_a_log_file_gets_no_link():
    log = StringIO()
    await TerminalMailer(partial(on_terminal, stream=log)).send(mailed(), now=NOW)
    assert log.getvalue() == ""
