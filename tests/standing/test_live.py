"""What stands by the last look: only what is signed by this installation."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.standing.live import LiveStanding
from shared.standing.store import Kept
from tests.standing.words import ADA, AT, BOB, CLEO, SIGNER, STRANGER, delegation, window


class Words:
    def __init__(self, *kept):
        self.kept = list(kept)

    async def all(self, *, after=None):
        return self.kept


def kept(word):
    return Kept(word.id, word.kind, word.model_dump(mode="json"))


async def live(*found):
    standing = LiveStanding(Words(*found), SIGNER, lambda: AT)
    await standing.look()
    return standing


async def test_a_window_stands_for_its_runbook_while_it_lasts():
    said = window()
    standing = await live(kept(said))
    assert standing.windows("restart", AT) == [said]
    assert standing.windows("another", AT) == []
    assert standing.windows("restart", AT + timedelta(hours=2)) == []


async def test_a_delegation_is_found_from_both_ends():
    said = delegation()
    standing = await live(kept(said))
    assert standing.to(BOB.upper(), AT) == [said]
    assert standing.of(ADA.upper(), AT) == [said]
    assert standing.to(ADA, AT) == standing.of(BOB, AT) == []


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(kept(window(signer=STRANGER)), id="another installation's"),
        pytest.param(kept(window().model_copy(update={"signature": ""})), id="unsigned"),
        pytest.param(kept(window().model_copy(update={"by": CLEO})), id="another person's"),
        pytest.param(kept(window(times=1).model_copy(update={"times": None})), id="for more"),
        pytest.param(
            kept(window().model_copy(update={"until": AT + timedelta(days=9)})), id="for longer"
        ),
        pytest.param(kept(window().model_copy(update={"version": "new"})), id="another text"),
        pytest.param(replace(kept(window()), id=uuid4()), id="under another id"),
        pytest.param(replace(kept(window()), kind="permission"), id="of no kind"),
        pytest.param(replace(kept(window()), said={"by": ADA}), id="not whole"),
    ],
)
async def test_what_is_not_signed_as_it_stands_is_left_out(forged):
    standing = await live(forged)
    assert standing.windows("restart", AT) == []


async def test_a_delegation_that_somebody_made_up_is_left_out():
    forged = delegation().model_copy(update={"to": CLEO})
    standing = await live(kept(forged))
    assert standing.to(CLEO, AT) == []


async def test_a_delegation_is_no_window_though_it_is_signed():
    standing = await live(replace(kept(delegation()), kind="window"))
    assert standing.windows("restart", AT) == []


async def test_what_was_ended_does_not_stand():
    ended = window().model_copy(update={"ended_at": AT, "ended_by": ADA})
    standing = await live(kept(ended))
    assert standing.windows("restart", AT) == []
