"""Who is asked beside those who are away."""

from services.notifier.channels.directory import Directory
from services.notifier.inadvance.beside import StandIns
from services.notifier.recipients import Recipient
from shared.config.channels import SlackChannel
from tests.notifier.builders import ALICE, BOB, NOW, approval, approval_mail
from tests.standing.words import delegation

CHANNELS = {"ops": SlackChannel(kind="slack")}
HANDED = delegation(of=ALICE.email, to=BOB.email, since=NOW)


class Standing:
    def of(self, person, at):
        return [HANDED] if person == HANDED.of and HANDED.holds_at(at) else []


def beside(*chosen, told=(), **about):
    people = (ALICE, BOB)
    return StandIns(Directory(people, CHANNELS), Standing()).beside(
        approval(**about), chosen, told, NOW
    )


ALICE_BY_MAIL = Recipient(name="Alice", email=ALICE.email)
BOB_BY_MAIL = Recipient(name="Bob", email=BOB.email)


def test_who_stands_in_is_asked_with_the_other():
    (one,) = beside(ALICE_BY_MAIL)
    assert (one.email, one.via, one.round, one.stands_for) == (BOB.email, "", "", "Alice")


def test_in_the_same_chat_where_that_leads_to_them():
    in_chat = ALICE_BY_MAIL.model_copy(update={"via": "ops"})
    assert [one.via for one in beside(in_chat)] == ["ops"]


def test_once_and_not_again_who_was_told():
    assert beside(ALICE_BY_MAIL, BOB_BY_MAIL) == ()
    assert beside(ALICE_BY_MAIL, told=(BOB_BY_MAIL,)) == ()


def test_nobody_where_the_other_is_not_asked():
    assert beside(BOB_BY_MAIL, Recipient.room("ops")) == ()


def test_not_who_asked_for_the_ticket():
    assert beside(ALICE_BY_MAIL, requester=BOB.email) == ()


def test_a_reminder_is_one_for_both():
    reminded = ALICE_BY_MAIL.model_copy(update={"round": "remind-1"})
    assert [one.round for one in beside(reminded)] == ["remind-1"]


def test_the_mail_says_in_whose_place_one_is_asked():
    (one,) = beside(ALICE_BY_MAIL)
    mail = approval_mail(approval(), one, link="https://handrail.example.org/a/x")
    for text in (mail.text, mail.html):
        assert "You are asked because" in text
        assert "is away" in text
    other = approval_mail(approval(), ALICE_BY_MAIL, link="https://handrail.example.org/a/x")
    assert "is away" not in other.text + other.html
    assert "/a/x?advance" in other.text
    assert "/a/x?advance" in other.html
