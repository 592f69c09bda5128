"""In whose place an answer counts, where it does not count in the person's own name; pure."""

from collections.abc import Sequence

from services.notifier.approval import Approval
from shared.events import Answer, Decision, Delegation
from shared.policy.quorum import words as words_of
from shared.policy.voters import OnCall


def standing_in(
    approval: Approval, said: Decision, words: Sequence[Delegation], *, on_call: OnCall
) -> Decision:
    """What somebody said, in the place of the first by whose authority it counts.

    In their own name where it counts so, or where it counts in nobody's. Nobody is stood in for who
    has answered.
    """
    if said.answer is Answer.WITHDRAW or _counts(approval, said, on_call):
        return said
    for word in words:
        other = said.model_copy(update={"delegation": word})
        known = {each.behalf.casefold() for each in words_of(approval.decisions)}
        if word.of not in known and _counts(approval, other, on_call):
            return other
    return said


def _counts(approval: Approval, said: Decision, on_call: OnCall) -> bool:
    return not approval.voters.against(said, on_call=on_call, since=approval.created_at)
