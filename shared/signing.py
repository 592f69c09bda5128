"""Signatures over people's decisions, made by the notifier and checked by the executor."""

import hashlib
import hmac
import json
from datetime import UTC
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from shared.errors import PermanentError
from shared.events import Decision

_DECISION: Final = b"handrail/decision/1"
_EXPIRY: Final = b"handrail/expiry/1"
_LINK: Final = b"handrail/link/1"


class ForgedDecisionError(PermanentError):
    """A decision does not carry the signature of one who may make it."""


class Signer:
    """Signs and checks with keys derived from the installation's secret, one for each purpose."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    def link_key(self) -> bytes:
        """The key for signed links."""
        return self._derive(_LINK)

    def signed(self, decision: Decision, *, approval_id: UUID, step_hash: str) -> Decision:
        """The decision with its signature: HMAC-SHA256 over all of it and the step's hash."""
        signature = self._decision_mac(decision, approval_id=approval_id, step_hash=step_hash)
        return decision.model_copy(update={"signature": signature})

    def check(self, decision: Decision, *, approval_id: UUID, step_hash: str) -> None:
        """Raise unless the decision was signed for exactly this step.

        Raises:
            ForgedDecisionError: it was not.
        """
        expected = self._decision_mac(decision, approval_id=approval_id, step_hash=step_hash)
        if not _same(expected, decision.signature):
            raise ForgedDecisionError(f"the decision of {decision.by} is not signed for this step")

    def expiry(self, *, approval_id: UUID, step_hash: str) -> str:
        """The signature over "nobody answered in time"."""
        return self._mac(_EXPIRY, [str(approval_id), step_hash])

    def check_expiry(self, signature: str, *, approval_id: UUID, step_hash: str) -> None:
        """Raise unless the expiry was signed for exactly this step.

        Raises:
            ForgedDecisionError: it was not.
        """
        expected = self.expiry(approval_id=approval_id, step_hash=step_hash)
        if not _same(expected, signature):
            raise ForgedDecisionError("the expiry is not signed for this step")

    def _decision_mac(self, decision: Decision, *, approval_id: UUID, step_hash: str) -> str:
        said = decision.model_dump(mode="json", exclude={"signature"})
        # As exact as MongoDB keeps it: a decision is signed before it is stored, checked after.
        said["at"] = decision.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return self._mac(_DECISION, [str(approval_id), step_hash, said])

    def _mac(self, purpose: bytes, said: list[object]) -> str:
        message = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        return hmac.new(self._derive(purpose), message, hashlib.sha256).hexdigest()

    def _derive(self, purpose: bytes) -> bytes:
        return hmac.new(self._secret, purpose, hashlib.sha256).digest()


def _same(expected: str, given: str) -> bool:
    """Whether they are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
