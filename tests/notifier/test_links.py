"""Links: read back as made, and by nobody else's making."""

from datetime import timedelta
from uuid import UUID

import pytest
from itsdangerous import URLSafeSerializer
from pydantic import SecretStr

from services.notifier.links import BadLinkError, Channel, make, read, url
from shared.signing import Signer
from tests.notifier.builders import BOB, HASH, KEY, NOW, approval, link

ASKED = approval()
TOKEN = make(link(ASKED), key=KEY)


def test_a_link_is_read_back_as_it_was_made():
    assert read(TOKEN, key=KEY, now=NOW) == link(ASKED)


def test_the_same_link_always_has_the_same_address_so_that_a_second_mail_is_the_first():
    assert make(link(ASKED), key=KEY) == TOKEN


def test_each_recipient_has_a_token_of_their_own():
    tokens = {
        TOKEN,
        make(link(ASKED, BOB.email), key=KEY),
        make(link(ASKED, "alice", Channel.TERMINAL), key=KEY),
    }
    assert len(tokens) == 3


def test_the_address_goes_under_the_public_url():
    address = url(link(ASKED), key=KEY, public_url="https://ops.example.org/handrail/")
    assert address == f"https://ops.example.org/handrail/a/{TOKEN}"


@pytest.mark.parametrize("position", range(0, len(TOKEN) - 1, 7))
def test_a_token_altered_anywhere_is_refused(position):
    other = "A" if TOKEN[position] != "A" else "B"
    altered = TOKEN[:position] + other + TOKEN[position + 1 :]
    with pytest.raises(BadLinkError):
        read(altered, key=KEY, now=NOW)


def test_the_payload_of_one_with_the_signature_of_another_is_refused():
    bobs = make(link(ASKED, BOB.email), key=KEY)
    mixed = bobs.rsplit(".", 1)[0] + "." + TOKEN.rsplit(".", 1)[1]
    with pytest.raises(BadLinkError):
        read(mixed, key=KEY, now=NOW)


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a", "a.b", "é", "A" * 5000, TOKEN + "A", TOKEN[:-4], "." + TOKEN, "%00"],
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(BadLinkError):
        read(token, key=KEY, now=NOW)


def test_another_installation_cannot_make_a_link():
    foreign = Signer(SecretStr("o" * 32)).link_key()
    with pytest.raises(BadLinkError):
        read(make(link(ASKED), key=foreign), key=KEY, now=NOW)


def test_the_key_with_another_way_of_signing_makes_no_link():
    with pytest.raises(BadLinkError):
        read(str(URLSafeSerializer(KEY).dumps({"a": ASKED.id.hex})), key=KEY, now=NOW)


@pytest.mark.parametrize(("late", "works"), [(-1, True), (1, False), (3600, False)])
def test_a_link_ends_with_its_approval(late, works):
    now = ASKED.expires_at + timedelta(seconds=late)
    if works:
        assert read(TOKEN, key=KEY, now=now).approval_id == ASKED.id
    else:
        with pytest.raises(BadLinkError):
            read(TOKEN, key=KEY, now=now)


@pytest.mark.parametrize(
    ("approval_id", "step_hash", "leads"),
    [(ASKED.id, HASH, True), (UUID(int=99), HASH, False), (ASKED.id, "cd" * 32, False)],
)
def test_a_link_leads_to_one_step_only(approval_id, step_hash, leads):
    assert link(ASKED).leads_to(approval_id, step_hash) is leads
