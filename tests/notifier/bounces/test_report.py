"""What a mail server says of a mail that it took, and what anybody could write."""

from uuid import UUID

import pytest

from services.notifier.bounces.report import NoBounceError, bounce_in
from services.notifier.bounces.returns import Returned, Returns
from services.notifier.links import BadLinkError
from services.notifier.recipients import Recipient
from tests.notifier.bounces.notices import notice
from tests.notifier.builders import KEY

RETURNS = Returns("bounces@example.org", KEY)
ALICE = Recipient(name="Alice", email="alice@example.org")
BOB = Recipient(name="Bob", email="bob@example.org")
DOCUMENT = UUID(int=7)
ADDRESS = RETURNS.sender_of(DOCUMENT, ALICE)


def test_an_address_says_which_mail_it_was_and_fits_what_servers_take():
    name, _, domain = (
        Returns("b" * 21 + "@example.org", KEY).sender_of(DOCUMENT, ALICE).partition("@")
    )
    assert (len(name), domain) == (64, "example.org")
    for address in (ADDRESS, ADDRESS.upper(), f"<{ADDRESS}>"):
        returned = Returned.read(address)
        assert returned.document_id == DOCUMENT
        assert RETURNS.is_of(returned, ALICE)


@pytest.mark.parametrize(
    "to",
    [
        BOB,
        ALICE.model_copy(update={"via": "chat"}),
        ALICE.model_copy(update={"round": "remind-1"}),
    ],
    ids=["another person", "another channel", "another round"],
)
def test_it_says_nothing_of_another_message(to):
    assert not RETURNS.is_of(Returned.read(ADDRESS), to)


def test_an_address_of_another_installation_is_not_believed():
    theirs = Returns("bounces@example.org", b"another key").sender_of(DOCUMENT, ALICE)
    assert not RETURNS.is_of(Returned.read(theirs), ALICE)


@pytest.mark.parametrize("to", ["bounces@example.org", "bounces+x@example.org", ""])
def test_what_came_to_no_such_address_is_none_of_ours(to):
    with pytest.raises(BadLinkError):
        bounce_in(notice(to))


def test_a_notification_says_why():
    bounce = bounce_in(notice(f"<{ADDRESS}>", why="smtp; 550 no\n such user"))
    assert bounce.returned == Returned.read(ADDRESS)
    assert bounce.why == "came back: 5.1.1 smtp; 550 no such user"


def test_where_it_was_delivered_to_is_taken_rather_than_what_stands_in_it():
    other = RETURNS.sender_of(UUID(int=8), BOB)
    assert bounce_in(notice(other), to=ADDRESS).returned.document_id == DOCUMENT
    delivered = notice("postmaster@example.org").replace(
        b"MIME-Version", f"Delivered-To: {ADDRESS}\r\nMIME-Version".encode(), 1
    )
    assert bounce_in(delivered).returned.document_id == DOCUMENT


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_is_not_over_is_no_bounce(action):
    with pytest.raises(NoBounceError, match=action or "nothing"):
        bounce_in(notice(ADDRESS, action=action))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\x00 no mail",
        f"To: {ADDRESS}\r\n\r\nI am away until Monday.".encode(),
        f"To: {ADDRESS}\r\nContent-Type: multipart/report\r\n\r\nno parts".encode(),
        notice(ADDRESS).replace(b"message/delivery-status", b"text/plain"),
        notice(ADDRESS).replace(b"multipart/report", b"multipart/mixed"),
    ],
    ids=["nothing", "octets", "an absence notice", "no parts", "no status", "no report"],
)
def test_another_message_is_no_bounce(raw):
    with pytest.raises(NoBounceError):
        bounce_in(raw)


def test_what_stands_in_the_mail_that_came_back_counts_for_nothing():
    inner = notice(ADDRESS).decode()
    with pytest.raises(NoBounceError):
        bounce_in(notice(ADDRESS, action="delayed", original=inner))
