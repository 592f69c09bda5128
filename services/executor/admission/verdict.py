"""What may be said to a step that is about to begin."""

from dataclasses import dataclass

from shared.events import ApprovalRule, Changeable, Decision


@dataclass(frozen=True)
class Go:
    """It begins now; ``given`` is what people said in advance, where ``rule`` asks for that."""

    given: tuple[Decision, ...] = ()
    rule: ApprovalRule | None = None


@dataclass(frozen=True)
class Hold:
    """It waits, and is looked at again soon; ``reason`` says for what.

    ``on`` names the same: what others wait for too, and in which order they get it.
    """

    reason: str
    on: str


@dataclass(frozen=True)
class Deny:
    """It never runs."""

    reason: str


@dataclass(frozen=True)
class Elsewhere:
    """What it names as its target is another name of this one; it is asked about anew."""

    target: str


@dataclass(frozen=True)
class Ask:
    """People have to agree first.

    ``dry_run`` is what it would do, as the target says; ``artifact`` the SHA-256 of what the dry
    run made and the step will apply; ``given`` what people said in advance; ``changeable`` what
    they may change; ``declared`` is what its target is, see ``declared.declaration``.
    """

    rule: ApprovalRule
    dry_run: str = ""
    artifact: str | None = None
    given: tuple[Decision, ...] = ()
    changeable: Changeable | None = None
    declared: str = ""


Verdict = Go | Hold | Deny | Elsewhere | Ask
