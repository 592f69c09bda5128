"""Words that people said in advance, for tests."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import SecretStr

from shared.events import Delegation, Window
from shared.lifecycle import Risk
from shared.signing import Signer

SIGNER = Signer(SecretStr("k" * 32))
STRANGER = Signer(SecretStr("x" * 32))
AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
ADA, BOB, CLEO = "ada@example.org", "bob@example.org", "cleo@example.org"


def delegation(*, signer=SIGNER, since=AT, **fields):
    said = {
        "id": uuid4(),
        "by": ADA,
        "of": ADA,
        "to": BOB,
        "channel": "email",
        "since": since,
        "until": since + timedelta(hours=8),
        **fields,
    }
    return signer.signed_standing(Delegation(**said))


def window(*, signer=SIGNER, since=AT, **fields):
    said = {
        "id": uuid4(),
        "by": ADA,
        "channel": "email",
        "runbook": "restart",
        "version": "abc",
        "risk": Risk.HIGH,
        "since": since,
        "until": since + timedelta(hours=2),
        **fields,
    }
    return signer.signed_standing(Window(**said))
