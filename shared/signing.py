"""Signatures over what others act on: made by who may say it, checked by who acts on it."""

import hashlib
import hmac
import json
from datetime import UTC
from typing import Final, TypeVar, cast
from uuid import UUID

from pydantic import SecretStr

from shared.errors import PermanentError
from shared.events import (
    Choosing,
    Decision,
    Event,
    PlanRequested,
    Proposal,
    QuestionAsked,
    Reply,
    SessionDirected,
    SessionFinished,
    Standing,
    StepAwaitingApproval,
    TicketDirected,
)

_DECISION: Final = b"handrail/decision/1"
_CHOICE: Final = b"handrail/choice/1"
_EXPIRY: Final = b"handrail/expiry/1"
_LINK: Final = b"handrail/link/1"
_REPLY: Final = b"handrail/reply/1"
_DIRECTIVE: Final = b"handrail/directive/1"
_SEALING: Final = b"handrail/sealing/1"
_REQUEST: Final = b"handrail/request/1"
_STANDING: Final = b"handrail/standing/1"
_PROPOSAL: Final = b"handrail/proposal/1"
_CODE: Final = b"handrail/code/1"
_TOLD: Final = b"handrail/told/1"

R = TypeVar("R", TicketDirected, PlanRequested)
W = TypeVar("W", bound=Standing)
#: What the executor tells and others act on, without a look at its session.
Told = StepAwaitingApproval | QuestionAsked | SessionFinished
_SIGNED: Final = (StepAwaitingApproval, QuestionAsked, SessionFinished)
E = TypeVar("E", bound=Event)


class ForgedDecisionError(PermanentError):
    """What is said does not carry the signature of one who may say it."""


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
        for word in (decision.delegation, decision.window):
            if word is not None:
                self.check_standing(word)

    def signed_proposal(self, said: Proposal, *, approval_id: UUID, step_hash: str) -> Proposal:
        """A proposal with its signature, over all of it and the step's hash."""
        signature = self._proposal_mac(said, approval_id=approval_id, step_hash=step_hash)
        return said.model_copy(update={"signature": signature})

    def check_proposal(self, said: Proposal, *, approval_id: UUID, step_hash: str) -> None:
        """Raise unless somebody proposed exactly these values for exactly this step.

        Raises:
            ForgedDecisionError: nobody did.
        """
        expected = self._proposal_mac(said, approval_id=approval_id, step_hash=step_hash)
        if not _same(expected, said.signature):
            raise ForgedDecisionError(f"the change by {said.by} is not signed for this step")
        if said.delegation is not None:
            self.check_standing(said.delegation)

    def signed_choice(self, said: Choosing, *, choice_id: UUID, digest: str) -> Choosing:
        """What somebody chose with its signature, over all of it and what there was to choose."""
        signature = self._choice_mac(said, choice_id=choice_id, digest=digest)
        return said.model_copy(update={"signature": signature})

    def check_choice(self, said: Choosing, *, choice_id: UUID, digest: str) -> None:
        """Raise unless it was signed for a choice between exactly these runbooks.

        Raises:
            ForgedDecisionError: it was not.
        """
        expected = self._choice_mac(said, choice_id=choice_id, digest=digest)
        if not _same(expected, said.signature):
            raise ForgedDecisionError(f"what {said.by} chose is not signed for this question")

    def signed_reply(self, said: Reply, *, question_id: UUID, digest: str) -> Reply:
        """What somebody answered with its signature, over all of it and what was asked."""
        signature = self._reply_mac(said, question_id=question_id, digest=digest)
        return said.model_copy(update={"signature": signature})

    def check_reply(self, said: Reply, *, question_id: UUID, digest: str) -> None:
        """Raise unless it was signed as an answer to exactly this question.

        Raises:
            ForgedDecisionError: it was not.
        """
        expected = self._reply_mac(said, question_id=question_id, digest=digest)
        if not _same(expected, said.signature):
            raise ForgedDecisionError(f"what {said.by} answered is not signed for this question")

    def signed_directive(self, said: SessionDirected) -> SessionDirected:
        """A directive with its signature, over all that it says."""
        return said.model_copy(update={"signature": self._directive_mac(said)})

    def check_directive(self, said: SessionDirected) -> None:
        """Raise unless somebody who may gave the directive as it stands.

        Raises:
            ForgedDecisionError: nobody did.
        """
        if not _same(self._directive_mac(said), said.signature):
            raise ForgedDecisionError(f"the directive of {said.by} is not signed")

    def signed_request(self, said: R) -> R:
        """What somebody wants of a ticket, with its signature over all that it says."""
        return said.model_copy(update={"signature": self._request_mac(said)})

    def check_request(self, said: TicketDirected | PlanRequested) -> None:
        """Raise unless somebody who may asked for exactly this.

        Raises:
            ForgedDecisionError: nobody did.
        """
        if not _same(self._request_mac(said), said.signature):
            raise ForgedDecisionError(f"what {said.by} asks for is not signed")

    def signed_standing(self, said: W) -> W:
        """What somebody said in advance with its signature, over all but when it was ended."""
        return said.model_copy(update={"signature": self._standing_mac(said)})

    def check_standing(self, said: Standing) -> None:
        """Raise unless somebody said exactly this in advance.

        Raises:
            ForgedDecisionError: nobody did.
        """
        if not _same(self._standing_mac(said), said.signature):
            raise ForgedDecisionError(f"what {said.by} said in advance is not signed")

    def signed_event(self, event: E) -> E:
        """The event with its signature over all of it, where it is one that others act on."""
        if not isinstance(event, _SIGNED):
            return event
        return cast("E", event.model_copy(update={"signature": self._told_mac(event)}))

    def check_event(self, event: Told) -> None:
        """Raise unless the executor told exactly this.

        Raises:
            ForgedDecisionError: it did not.
        """
        if not _same(self._told_mac(event), event.signature):
            raise ForgedDecisionError(f"{event.subject} is not signed: no executor told this")

    def code_digest(self, code: str, *, about: str) -> str:
        """What is kept of a one-time code in its place: HMAC-SHA256 over it and what it is for."""
        return self._mac(_CODE, [about, code])

    def sealing_key(self) -> bytes:
        """The 32 bytes under which secrets and artifacts lie in the store."""
        return self._derive(_SEALING)

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
        return self._mac(_DECISION, [str(approval_id), step_hash, _said(decision)])

    def _proposal_mac(self, said: Proposal, *, approval_id: UUID, step_hash: str) -> str:
        return self._mac(_PROPOSAL, [str(approval_id), step_hash, _said(said)])

    def _choice_mac(self, said: Choosing, *, choice_id: UUID, digest: str) -> str:
        return self._mac(_CHOICE, [str(choice_id), digest, _said(said)])

    def _reply_mac(self, said: Reply, *, question_id: UUID, digest: str) -> str:
        return self._mac(_REPLY, [str(question_id), digest, _said(said)])

    def _directive_mac(self, said: SessionDirected) -> str:
        kept = {"id", "session_id", "directive", "by", "at", "reason", "rollback", "edits"}
        told = said.model_dump(mode="json", include=kept)
        told["at"] = said.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return self._mac(_DIRECTIVE, [told])

    def _request_mac(self, said: TicketDirected | PlanRequested) -> str:
        told = said.model_dump(mode="json", exclude={"time", "signature"})
        told["at"] = said.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return self._mac(_REQUEST, [said.subject, told])

    def _standing_mac(self, said: Standing) -> str:
        left_out = {"signature", "ended_at", "ended_by"}
        told = said.model_dump(mode="json", exclude=left_out)
        for name in ("since", "until"):
            told[name] = getattr(said, name).astimezone(UTC).isoformat(timespec="milliseconds")
        return self._mac(_STANDING, [said.kind, told])

    def _told_mac(self, event: Told) -> str:
        # Without what is as usual: a field that only one side knows hinders nobody till it is used.
        told = event.model_dump(mode="json", exclude={"signature"}, exclude_defaults=True)
        return self._mac(_TOLD, [event.subject, told])

    def _mac(self, purpose: bytes, said: list[object]) -> str:
        message = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        return hmac.new(self._derive(purpose), message, hashlib.sha256).hexdigest()

    def _derive(self, purpose: bytes) -> bytes:
        return hmac.new(self._secret, purpose, hashlib.sha256).digest()


def _said(answer: Decision | Choosing | Reply | Proposal) -> dict[str, object]:
    said = answer.model_dump(mode="json", exclude={"signature"})
    if said.get("place", 0) is None:
        del said["place"]
    for name in ("delegation", "window"):
        # Left out where there is none, as by those who knew no such thing; else its own signature
        # is over all of it.
        word = said.pop(name, None)
        if word is not None:
            said[name] = word["signature"]
    # As exact as MongoDB keeps it: an answer is signed before it is stored, checked after.
    said["at"] = answer.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return said


def _same(expected: str, given: str) -> bool:
    """Whether they are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
