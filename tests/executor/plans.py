"""Random plans: steps that need each other, lead on, join, stand for others, and ask."""

from random import Random

from shared.events import Foreach, Join, OnFailure, Retry, RunbookRef
from shared.lifecycle import Effect, Risk
from tests.executor.sessions import session, step

MOST_STEPS = 6
_FORM = 'form\nquestion: "How many?"\nfields: {"count": {"type": "text"}}'
_BOOK = RunbookRef(name="inner", title="Inner", version="1")
_ITEMS = Foreach(items="hosts", item="host", limit=9, known=True)


def planned(chance: Random):
    """A session of a random plan that nobody has begun."""
    names = [f"s{number}" for number in range(chance.randint(1, MOST_STEPS))]
    steps = []
    for number, name in enumerate(names):
        drawn = _drawn(chance, name, names[:number], names[number + 1 :])
        steps += chance.choices([_alone, _with_items, _with_inner], [65, 20, 15])[0](chance, drawn)
    return session(*steps)


def _drawn(chance, name, earlier, later, parent=None):
    needs = tuple(chance.sample(earlier, chance.randint(0, min(3, len(earlier)))))
    fields = {
        "parent": parent,
        "effect": chance.choice(list(Effect)),
        "risk": chance.choice(list(Risk)),
        "gather": chance.random() < 0.15,
        **_failing(chance, later),
        **_taken_back(chance),
    }
    if needs and chance.random() < 0.35:
        fields["join"] = Join.FIRST
    if chance.random() < 0.2:
        fields["retry"] = Retry(attempts=2)
    if chance.random() < 0.2:
        fields["when"] = _condition(chance, earlier)
    if chance.random() < 0.2:
        fields |= {"uses": "ask", "run": _FORM, "effect": Effect.READ_ONLY, "rollback": None}
    return step(name, *needs, asks=chance.choice([0, 0, 0, 1]), **fields)


def _failing(chance, later):
    on_failure = chance.choice([*OnFailure, OnFailure.ROLLBACK])
    if on_failure is OnFailure.GOTO and not later:
        on_failure = OnFailure.STOP
    goto = chance.choice(later) if on_failure is OnFailure.GOTO else None
    return {"on_failure": on_failure, "goto": goto}


def _taken_back(chance):
    risk = Risk.CRITICAL if chance.random() < 0.2 else None
    return {"rollback": chance.choice(["undo", None]), "rollback_risk": risk}


def _condition(chance, earlier):
    about_others = [
        f'steps["{name}"].state == "{state}"'
        for name in earlier
        for state in ("failed", "succeeded", "skipped")
    ]
    return chance.choice(["true", "false", "no_such.x == 1", *about_others])


def _alone(_chance, drawn):
    return [drawn]


def _with_items(chance, drawn):
    group = drawn.model_copy(update={"foreach": _ITEMS, "uses": "local", "run": "echo"})
    at_once = chance.choice([None, 1, 2])
    plain = {"parent": group.id, "join": Join.ALL, "when": None, "foreach": None, "goto": None}
    if group.goto:
        plain["on_failure"] = OnFailure.STOP
    parts = [
        group.model_copy(update={**plain, "id": name, "needs": needs})
        for name, needs in _in_turns(group.id, chance.randint(0, 3), at_once)
    ]
    return [group, *parts]


def _in_turns(name, count, at_once):
    """The names of a group's items, and for which of the others each waits."""
    for number in range(count):
        waits = at_once is not None and number >= at_once
        yield f"{name}[{number}]", (f"{name}[{number - at_once}]",) if waits else ()


def _with_inner(chance, drawn):
    group = drawn.model_copy(
        update={"includes": _BOOK, "uses": "local", "run": "echo", "rollback": None}
    )
    names = [f"{group.id}/p{number}" for number in range(chance.randint(0, 3))]
    parts = [
        _drawn(chance, name, names[:number], names[number + 1 :], parent=group.id)
        for number, name in enumerate(names)
    ]
    return [group, *parts]
