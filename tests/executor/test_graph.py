"""Which steps may run, by the shape of their plan: a language of one line a row, and tables of it.

A plan is written as steps with what they need: ``a b(a) c(a,b)``. Behind a name, ``?`` is
``on_failure: continue``, ``~`` a step that only gathers, ``^`` a join with the first, ``!`` one
that a person is asked for, ``-`` one whose condition is false, ``/`` a failure that asks for a
rollback, ``>x`` one whose failure leads to x. What happens is ``a+`` (succeeds), ``a-`` (fails),
``a*`` (is lost, and nobody says what became of it), ``a=`` (is approved), ``a#`` (is refused).
States are letters: pending, Running, succeeded, failed, skipped (-), unknown, waiting, refused.
"""

import re
from collections import Counter
from itertools import permutations
from typing import ClassVar

import pytest

from services.executor.graph import spoiling, unwanted
from services.executor.moves import Result
from services.executor.session import Run, Session
from shared.events import Foreach, Join, OnFailure, Refusal, RunbookRef
from shared.lifecycle import Effect, SessionState, StepState
from tests.executor.going import approved, begin, ended, refused, unanswered
from tests.executor.sessions import NOW, session, step

_STEP = re.compile(r"([a-z0-9.\[\]]+)([?~^!\-/]*)(?:>([a-z]+))?(?:\(([^)]*)\))?")
_LETTERS = {
    "pending": "p",
    "running": "R",
    "succeeded": "s",
    "failed": "f",
    "skipped": "-",
    "unknown": "u",
    "awaiting_approval": "w",
    "rejected": "r",
}


def plan(written: str) -> list:
    return [_step(*found.groups()) for found in _STEP.finditer(written)]


def _step(name, marks, goto, needs):
    fields = {"on_failure": OnFailure.GOTO, "goto": goto} if goto else {}
    if "?" in marks:
        fields["on_failure"] = OnFailure.CONTINUE
    if "/" in marks:
        fields["on_failure"] = OnFailure.ROLLBACK
    if "~" in marks:
        fields |= {"gather": True, "effect": Effect.READ_ONLY}
    if "^" in marks:
        fields["join"] = Join.FIRST
    if "-" in marks:
        fields["when"] = "false"
    asks = 1 if "!" in marks else 0
    return step(name, *filter(None, (needs or "").split(",")), asks=asks, **fields)


def happened(steps, events: str):
    move = begin(session(*steps), "me", NOW, source_resolved=False)
    for event in events.split():
        name, mark = event[:-1], event[-1]
        now = move.session
        if mark == "=":
            move = approved(now, name, "me", NOW)
        elif mark == "#":
            move = refused(now, name, "me", NOW, refusal=Refusal.REJECTED, reason="no")
        else:
            result = Result(exit_code={"+": 0, "-": 1, "*": None}[mark], lost=mark == "*")
            move = ended(now, name, "me", NOW, fence=now.run(name).fence, result=result)
        assert move is not None, f"{event} was not possible"
        if move.session.run(name).question_id is not None:
            move = unanswered(move.session, name)
    return move


def letters(of) -> str:
    return "".join(_LETTERS[of.run(each.id).state.value] for each in of.steps)


OUTCOMES = {"": None, "ok": SessionState.SUCCEEDED, "bad": SessionState.FAILED}

ALL = [
    # plan, what happened, states, outcome
    ("a", "", "R", ""),
    ("a", "a+", "s", "ok"),
    ("a", "a-", "f", "bad"),
    ("a", "a*", "u", "bad"),
    ("a b", "", "RR", ""),
    ("a b", "a-", "fR", ""),
    ("a b", "a- b+", "fs", "bad"),
    ("a b(a)", "", "Rp", ""),
    ("a b(a)", "a+", "sR", ""),
    ("a b(a)", "a-", "f-", "bad"),
    ("a b(a)", "a*", "u-", "bad"),
    ("a? b(a)", "a-", "fR", ""),
    ("a? b(a)", "a- b+", "fs", "ok"),
    ("a? b(a)", "a*", "u-", "bad"),
    ("a/ b(a)", "a-", "f-", "bad"),
    ("a~ b(a)", "a-", "fR", ""),
    ("a~ b(a)", "a- b+", "fs", "ok"),
    ("a- b(a)", "", "-R", ""),
    ("a- b(a)", "b+", "-s", "ok"),
    ("a b-(a) c(b)", "a+", "s-R", ""),
    ("a b-(a) c(b)", "a-", "f--", "bad"),
    ("a! b(a)", "", "wp", ""),
    ("a! b(a)", "a=", "Rp", ""),
    ("a! b(a)", "a#", "r-", "bad"),
    ("a! b", "", "wR", ""),
    ("a! b", "b+ a= a+", "ss", "ok"),
    ("a b(a) c(a) d(b,c)", "a+ b+", "ssRp", ""),
    ("a b(a) c(a) d(b,c)", "a+ c+ b+", "sssR", ""),
    ("a b(a) c(a) d(b,c)", "a+ b-", "sfRp", ""),
    ("a b(a) c(a) d(b,c)", "a+ b- c+", "sfs-", "bad"),
    ("a b(a) c(a) d(b,c)", "a-", "f---", "bad"),
    ("a b(a)  x y(x)", "a- x+", "f-sR", ""),
    ("a b(a)  x y(x)", "a- x+ y+", "f-ss", "bad"),
    ("d(b,c) c(a) b(a) a", "", "pppR", ""),
    ("d(b,c) c(a) b(a) a", "a+", "pRRs", ""),
    ("a b(a) c(b) d(c)", "a+ b-", "sf--", "bad"),
    ("a? b?(a) c(b)", "a- b- c+", "ffs", "ok"),
    ("a~ b~ c(a,b)", "a- b+ c+", "fss", "ok"),
    ("a~! b(a)", "a# b+", "rs", "ok"),
    ("a-", "", "-", "ok"),
]

FIRST = [
    ("a b j^(a,b)", "", "RRp", ""),
    ("a b j^(a,b)", "a+", "sRR", ""),
    ("a b j^(a,b)", "b+", "RsR", ""),
    ("a b j^(a,b)", "a+ b+", "ssR", ""),
    ("a b j^(a,b)", "a+ j+", "sRs", ""),
    ("a b j^(a,b)", "a+ j+ b-", "sfs", "ok"),
    ("a b j^(a,b)", "a+ b- j+", "sfs", "ok"),
    ("a b j^(a,b)", "a+ b* j+", "sus", "bad"),
    ("a b j^(a,b)", "a- b+ j+", "fss", "ok"),
    ("a b j^(a,b)", "a- b-", "ff-", "bad"),
    ("a? b? j^(a,b)", "a- b-", "ff-", "bad"),
    ("a b j^(a,b)", "a+ j-", "sRf", ""),
    ("a b j^(a,b)", "a+ j- b+", "ssf", "bad"),
    # What was not started is left out when nobody else waits for it.
    ("a b! j^(a,b)", "a+", "s-R", ""),
    ("a b! j^(a,b)", "a+ j+", "s-s", "ok"),
    ("a b! j^(a,b) k(b)", "a+", "swRp", ""),
    ("a b! j^(a,b)", "a- b= b+", "fsR", ""),
    ("a b! j^(a,b)", "b#", "Rrp", ""),
    ("a b! j^(a,b)", "b# a+ j+", "srs", "ok"),
    ("a x y(x) j^(a,y)", "a+", "sR-R", ""),
    ("a x y(x) j^(a,y)", "a+ x+ j+", "ss-s", "ok"),
    ("a x y(x) j^(a,y)", "x- a+ j+", "sf-s", "ok"),
    ("a x! y(x) j^(a,y)", "a+", "s--R", ""),
    ("a x! y(x) j^(a,y)", "x= a+", "sR-R", ""),
    ("a- b- j^(a,b)", "", "---", "ok"),
    ("a- b j^(a,b)", "b+", "-sR", ""),
    ("a- b j^(a,b)", "b-", "-f-", "bad"),
    ("a b j^(a,b) k(j)", "a+ j+", "sRsR", ""),
    ("a b j^-(a,b) k(j)", "a+", "sR-R", ""),
    ("a b c! j^(a,b) k^(b,c)", "b+", "Rs-RR", ""),
    ("a b! c j^(a,b) k^(b,c)", "a+", "swRRp", ""),
    ("a b! c j^(a,b) k^(b,c)", "a+ c+", "s-sRR", ""),
    ("a~ b~ j^(a,b)", "a- b+ j+", "fss", "ok"),
    ("a j^(a)", "a+ j+", "ss", "ok"),
    ("a j^(a)", "a-", "f-", "bad"),
]


GOTO = [
    ("a>g g c^(a,g)", "a- g+ c+", "fss", "ok"),
    ("a>g g c^(a,g)", "a+ c+", "s-s", "ok"),
    ("a>x x", "", "Rp", ""),
    ("a>x x", "a+", "s-", "ok"),
    ("a>x x", "a-", "fR", ""),
    ("a>x x", "a- x+", "fs", "ok"),
    ("a>x x", "a- x-", "ff", "bad"),
    ("a>x x", "a*", "u-", "bad"),
    ("a>x b(a) x", "a+ b+", "ss-", "ok"),
    ("a>x b(a) x", "a-", "f-R", ""),
    ("a>x b(a) x", "a- x+", "f-s", "ok"),
    ("a>x b(a) c(b) x", "a- x+", "f--s", "ok"),
    ("a>x b(a) x y(x)", "a+ b+", "ss-R", ""),
    ("a>x b>x x", "a+ b-", "sfR", ""),
    ("a>x b>x x", "a- b- x+", "ffs", "ok"),
    ("a>x b>x x", "a+ b+", "ss-", "ok"),
    ("a!>x x", "a#", "r-", "bad"),
    ("c a>x x(c)", "a-", "Rfp", ""),
    ("c a>x x(c)", "a- c+", "sfR", ""),
    ("c a>x x(c)", "a- c-", "ff-", "bad"),
    ("a>x b(a) c x", "a- x+ c-", "f-fs", "bad"),
]


@pytest.mark.parametrize(("written", "events", "states", "outcome"), ALL + FIRST + GOTO)
def test_a_plan_of_this_shape_comes_to_this(written, events, states, outcome):
    move = happened(plan(written), events)
    assert letters(move.session) == states
    ended_as = {SessionState.SUCCEEDED, SessionState.FAILED} & {move.session.state}
    assert (ended_as.pop() if ended_as else None) is OUTCOMES[outcome]


# -- steps that stand for others -----------------------------------------------------------

ITEMS = Foreach(items="hosts", item="host", limit=20, known=True)
REF = RunbookRef(name="other", title="Other", version="1")


def each(written: str, name: str = "g") -> list:
    """The plan, in which ``g`` stands for ``g[0]``, ``g[1]`` and so on."""
    return grouped(written, name, f"{name}[", foreach=ITEMS)


def included(written: str, name: str = "g") -> list:
    """The plan, in which ``g`` stands for ``g.a``, ``g.b`` … of another runbook."""
    return grouped(written, name, f"{name}.", includes=REF)


def grouped(written, name, prefix, **kind):
    return [
        each.model_copy(update=kind)
        if each.id == name
        else each.model_copy(update={"parent": name} if each.id.startswith(prefix) else {})
        for each in plan(written)
    ]


EACH = [
    ("g g[0] g[1]", "", "pRR", ""),
    ("g g[0] g[1]", "g[0]+", "psR", ""),
    ("g g[0] g[1]", "g[0]+ g[1]+", "sss", "ok"),
    ("g g[0] g[1]", "g[0]- g[1]+", "ffs", "bad"),
    ("g? g[0]? g[1]? b(g)", "g[0]- g[1]+", "ffsR", ""),
    ("g? g[0]? g[1]? b(g)", "g[0]- g[1]+ b+", "ffss", "ok"),
    ("g g[0] g[1] b(g)", "g[0]- g[1]+", "ffs-", "bad"),
    ("g? g[0]? g[1]? b(g)", "g[0]* g[1]+", "fus-", "bad"),
    ("g~ g[0]~ g[1]~ b(g)", "g[0]- g[1]- b+", "fffs", "ok"),
    ("g b(g)", "", "sR", ""),
    ("a g(a) g[0] g[1]", "", "Rppp", ""),
    ("a g(a) g[0] g[1]", "a+", "spRR", ""),
    ("a g(a) g[0] g[1]", "a-", "f---", "bad"),
    ("g- g[0] g[1] b(g)", "", "---R", ""),
    ("g g[0]! g[1]!", "", "pww", ""),
    ("g g[0]! g[1]!", "g[0]= g[0]+ g[1]#", "fsr", "bad"),
    # One at a time.
    ("g g[0] g[1](g[0]) g[2](g[1])", "", "pRpp", ""),
    ("g g[0] g[1](g[0]) g[2](g[1])", "g[0]+", "psRp", ""),
    ("g g[0] g[1](g[0]) g[2](g[1])", "g[0]+ g[1]-", "fsf-", "bad"),
    ("g? g[0]? g[1]?(g[0]) g[2]?(g[1])", "g[0]- g[1]+", "pfsR", ""),
    ("a g g[0] g[1] j^(a,g)", "a+", "spRRR", ""),
    ("a x! g(x) g[0] g[1] j^(a,g)", "a+", "s----R", ""),
]


@pytest.mark.parametrize(("written", "events", "states", "outcome"), EACH)
def test_a_step_for_each_item_comes_to_this(written, events, states, outcome):
    move = happened(each(written), events)
    assert letters(move.session) == states
    ended_as = {SessionState.SUCCEEDED, SessionState.FAILED} & {move.session.state}
    assert (ended_as.pop() if ended_as else None) is OUTCOMES[outcome]


INCLUDED = [
    ("g g.a g.b(g.a)", "", "pRp", ""),
    ("g g.a g.b(g.a)", "g.a+ g.b+", "sss", "ok"),
    ("g g.a? g.b(g.a)", "g.a- g.b+", "sfs", "ok"),
    ("g g.a g.b(g.a) c(g)", "g.a-", "ff--", "bad"),
    ("g? g.a g.b(g.a) c(g)", "g.a-", "ff-R", ""),
    ("g? g.a g.b(g.a) c(g)", "g.a- c+", "ff-s", "ok"),
    ("g? g.a g.b(g.a) c(g)", "g.a*", "fu--", "bad"),
    ("x g(x) g.a g.b(g.a)", "x-", "f---", "bad"),
    ("g- g.a g.b(g.a) c(g)", "", "---R", ""),
    ("g g.a g.b g.j^(g.a,g.b) c(g)", "g.a- g.b+ g.j+", "sfssR", ""),
]


@pytest.mark.parametrize(("written", "events", "states", "outcome"), INCLUDED)
def test_an_included_runbook_comes_to_this(written, events, states, outcome):
    move = happened(included(written), events)
    assert letters(move.session) == states
    ended_as = {SessionState.SUCCEEDED, SessionState.FAILED} & {move.session.state}
    assert (ended_as.pop() if ended_as else None) is OUTCOMES[outcome]


def test_what_was_left_out_is_told_with_its_reason():
    move = happened(plan("a b! j^(a,b)"), "a+")
    skipped = next(e for e in move.events if e.subject == "step.done" and e.step_id == "b")
    assert (skipped.outcome, "another step came first" in skipped.reason) == ("skipped", True)


def test_a_refusal_that_comes_too_late_for_a_step_that_was_left_out_changes_nothing():
    move = happened(plan("a b! j^(a,b)"), "a+")
    assert approved(move.session, "b", "me", NOW) is None


def test_the_whole_that_stands_for_others_is_told_when_it_ends():
    move = happened(each("g g[0] g[1]"), "g[0]+ g[1]-")
    told = next(e for e in move.events if e.subject == "step.done" and e.step_id == "g")
    assert (told.outcome, told.reason) == ("failed", "g[1] failed (of 2)")


SHAPES = [written for written, *_ in ALL + FIRST + GOTO]


@pytest.mark.parametrize("written", sorted(set(SHAPES)))
def test_in_whatever_order_steps_end_every_session_ends(written):
    """Two steps at a time, in both orders and with each outcome: nothing is ever left waiting."""
    for order in permutations((0, 1)):
        for fails in ((), (0,), (1,), (0, 1)):
            move = begin(session(*plan(written)), "me", NOW, source_resolved=False)
            for turn in range(40):
                now = move.session
                if now.state in (SessionState.SUCCEEDED, SessionState.FAILED):
                    break
                move = _one_more(now, order, fails, turn)
            assert move.session.state in (SessionState.SUCCEEDED, SessionState.FAILED)


def _one_more(now, order, fails, turn):
    waiting = [s.id for s in now.steps if now.run(s.id).state == "awaiting_approval"]
    if waiting:
        return approved(now, waiting[0], "me", NOW)
    active = [s.id for s in now.steps if now.run(s.id).state == "running"]
    name = active[order[0] % len(active)]
    result = Result(exit_code=1 if turn % 2 in fails else 0)
    return ended(now, name, "me", NOW, fence=now.run(name).fence, result=result)


def test_a_step_of_many_has_a_name_on_the_target_that_is_its_own():
    of = session(*included("g g.a"), *plan("g_a"))
    keys = {of.job_key(each) for each in of.steps}
    assert len(keys) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", key) for key in keys)


class Counted(Session):
    """A session that stops whoever asks the same of it again and again."""

    asked: ClassVar[Counter] = Counter()

    def needing(self, step_id):
        self.asked[step_id] += 1
        assert self.asked[step_id] < 5, f"{step_id} is looked at over and over"
        return super().needing(step_id)

    def stands_in_the_way(self, step):
        asked = f"whether {step.id} stands in the way"
        self.asked[asked] += 1
        assert self.asked[asked] < 5, f"{asked} is asked over and over"
        return super().stands_in_the_way(step)


def layered(layers, **runs):
    """A join that is won already, and beside it layers of two that all need the two before."""
    steps, before = [step("win")], ()
    for number in range(layers):
        pair = [step(f"{side}{number}", *before) for side in "ab"]
        steps, before = [*steps, *pair], tuple(each.id for each in pair)
    steps.append(step("end", "win", *before, join=Join.FIRST))
    Counted.asked.clear()
    return Counted(**dict(session(*steps, runs={"win": SUCCEEDED, **runs})))


SUCCEEDED = Run(state=StepState.SUCCEEDED, attempt=1)
FAILED = Run(state=StepState.FAILED, attempt=1)
LEFT = Run(state=StepState.SKIPPED, blocked=True)


def test_of_a_wide_plan_beside_a_join_each_step_is_looked_at_once():
    of = layered(30)
    assert unwanted(of, of.step("a0"))
    assert max(of.asked.values()) == 1


def test_whether_a_wide_branch_was_made_good_is_looked_at_once_a_step():
    others = {f"{side}{number}": LEFT for side in "ab" for number in range(30)}
    of = layered(30, **{**others, "a0": FAILED, "b0": SUCCEEDED, "end": SUCCEEDED})
    assert next(spoiling(of), None) is None


def test_whether_a_wide_branch_was_gone_around_is_looked_at_once_a_step():
    leads = step("a0", goto="win", on_failure=OnFailure.GOTO)
    others = {f"{side}{number}": LEFT for side in "ab" for number in range(30)}
    of = layered(30, **{**others, "a0": FAILED, "b0": SUCCEEDED, "end": LEFT})
    ending = of.step("end").model_copy(update={"join": Join.ALL, "needs": ("a29", "b29")})
    of = of.with_step(leads).with_step(ending)
    assert next(spoiling(of), None) is None
